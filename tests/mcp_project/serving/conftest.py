from collections.abc import Iterator

import pytest

from tests.support.server import Server, database_environment
from tests.support.sockets import SITE


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, module_database: str) -> Iterator[Server]:
    """One server for the tests of a module, which leave nothing behind in it."""
    with Server(tmp_path_factory.mktemp("site"), {**database_environment(module_database), **SITE}) as server:
        yield server
