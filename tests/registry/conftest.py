import pytest

from tests.support.api import Api
from tests.support.resources import model, version


@pytest.fixture
def churn(owner: Api) -> None:
    """A model `churn` with a version."""
    model(owner, tags={"a": "1"})
    version(owner)
