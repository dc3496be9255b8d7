"""/api/schema and /api/docs"""

from io import StringIO

import pytest
import yaml
from django.core.management import call_command

from tests.conftest import Api


def test_document_is_valid_and_made_without_a_warning() -> None:
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=StringIO())


def test_document_lists_every_address_and_the_ways_to_send_a_key(outsider: Api) -> None:
    document = yaml.safe_load(outsider.get("/api/schema").content)

    assert set(document["paths"]) == {
        "/api/keys",
        "/api/keys/{key_id}",
        "/api/models",
        "/api/models/{model_id}",
        "/api/usage",
        "/api/usage/events",
        "/health",
        "/health/live",
    }
    assert set(document["components"]["securitySchemes"]) == {"bearer", "apiKey"}
    assert "key" in document["components"]["schemas"]["CreatedKey"]["properties"]
    assert "key" not in document["components"]["schemas"]["Key"]["properties"]


@pytest.mark.parametrize("path", ["/api/docs", "/api/docs/"])
def test_documentation_opens_without_a_key(outsider: Api, path: str) -> None:
    assert b"swagger" in outsider.get(path).content
