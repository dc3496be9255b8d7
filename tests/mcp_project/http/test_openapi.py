"""/api/schema and /api/docs"""

import gzip
import re
from io import StringIO

import pytest
from django.core.management import call_command

from mcp_project.http.documents import DocsView, MadeOnce, SchemaView
from tests.support.api import Api
from tests.support.server import at_once

PATHS = {
    "/api/audit",
    "/api/contexts",
    "/api/contexts/{context_id}",
    "/api/contexts/{context_id}/aliases/{alias}",
    "/api/contexts/{context_id}/aliases/{alias}/history",
    "/api/contexts/{context_id}/aliases/{alias}/rollback",
    "/api/contexts/{context_id}/diff",
    "/api/contexts/{context_id}/history",
    "/api/contexts/{context_id}/versions",
    "/api/contexts/{context_id}/versions/{version}",
    "/api/contexts/{context_id}/versions/{version}/render",
    "/api/deployments",
    "/api/deployments/{deployment_id}",
    "/api/deployments/{deployment_id}/diff",
    "/api/deployments/{deployment_id}/revisions",
    "/api/deployments/{deployment_id}/revisions/{revision}",
    "/api/deployments/{deployment_id}/revisions/{revision}/verify",
    "/api/deployments/{deployment_id}/rollback",
    "/api/keys",
    "/api/keys/me",
    "/api/keys/me/rotate",
    "/api/keys/revoke",
    "/api/keys/verify",
    "/api/keys/{key_id}",
    "/api/keys/{key_id}/explain",
    "/api/keys/{key_id}/rotate",
    "/api/models",
    "/api/models:batch",
    "/api/models/{model_id}",
    "/api/models/{model_id}/aliases/{alias}",
    "/api/models/{model_id}/aliases/{alias}/history",
    "/api/models/{model_id}/aliases/{alias}/rollback",
    "/api/models/{model_id}/card",
    "/api/models/{model_id}/history",
    "/api/models/{model_id}/lineage",
    "/api/models/{model_id}/versions",
    "/api/models/{model_id}/versions/{version}",
    "/api/models/{model_id}/versions/{version}/stage",
    "/api/usage",
    "/api/usage/events",
    "/api/usage/timeseries",
    "/health",
    "/health/live",
    "/metrics",
}


def test_document_is_valid_and_made_without_a_warning() -> None:
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=StringIO())


def test_document_lists_every_address_and_the_ways_to_send_a_key(outsider: Api) -> None:
    document = outsider.get("/api/schema").json()

    assert set(document["paths"]) == PATHS
    assert set(document["components"]["securitySchemes"]) == {"bearer", "apiKey", "basic"}
    assert "key" in document["components"]["schemas"]["CreatedKey"]["properties"]
    assert "key" not in document["components"]["schemas"]["Key"]["properties"]


def test_no_schema_has_the_description_of_another(outsider: Api) -> None:
    schemas = outsider.get("/api/schema").json()["components"]["schemas"]
    described = {name: schema["description"] for name, schema in schemas.items() if "description" in schema}
    forms = {name: re.sub("^Patched|Request$", "", name) for name in described}  # of one resource, sent and shown

    for name, text in described.items():
        assert {forms[other] for other, same in described.items() if same == text} == {forms[name]}, text


def test_any_one_way_to_send_a_key_will_do_and_errors_have_the_shape(outsider: Api) -> None:
    operation = outsider.get("/api/schema").json()["paths"]["/api/models"]["post"]

    assert {tuple(way) for way in operation["security"]} == {("bearer",), ("apiKey",), ("basic",)}
    for family in ("4XX", "5XX"):
        schema = operation["responses"][family]["content"]["application/json"]["schema"]
        assert schema == {"$ref": "#/components/schemas/Error"}


def test_answers_to_keys_are_documented_with_the_headers_that_they_have(owner: Api) -> None:
    document = owner.get("/api/schema").json()
    answers = document["paths"]["/api/models"]["get"]["responses"]

    for answer in (answers["200"], answers["4XX"]):
        named = {name for name in answer["headers"] if name != "X-RateLimit-Outage"}
        assert named == {name for name in owner.get("/api/models").headers if "ratelimit" in name.lower()}
    assert "headers" not in document["paths"]["/health"]["get"]["responses"]["200"]


def test_descriptions_of_operations_have_no_indentation(outsider: Api) -> None:
    operations = [one for path in outsider.get("/api/schema").json()["paths"].values() for one in path.values()]

    assert [one["description"] for one in operations if "  " in one.get("description", "")] == []


@pytest.mark.parametrize("path", ["/api/docs", "/api/docs/"])
def test_documentation_opens_without_a_key(outsider: Api, path: str) -> None:
    assert b"swagger" in outsider.get(path).content


@pytest.mark.parametrize("path", ["/api/models", "/api/models/m", "/api/models/m/aliases/a", "/api/usage"])
def test_options_tells_what_a_view_takes(owner: Api, path: str) -> None:
    answer = owner("OPTIONS", path)

    assert (answer.status_code, answer.json()["parses"][0]) == (200, "application/json")


@pytest.mark.parametrize("path", ["/api/docs", "/api/schema"])
@pytest.mark.parametrize("method", ["OPTIONS", "POST", "DELETE"])
def test_other_methods_are_answered_in_the_shape(outsider: Api, path: str, method: str) -> None:
    answer = outsider(method, path)

    assert answer.status_code in {200, 405}
    assert "json" in answer["Content-Type"]


@pytest.mark.parametrize("path", ["/api/docs", "/api/schema"])
def test_document_is_made_once_a_process(outsider: Api, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    view = SchemaView if path == "/api/schema" else DocsView
    made: list[bytes] = []

    def make() -> bytes:
        made.append(b"x")
        return b"a document"

    monkeypatch.setattr(view, "document", MadeOnce(make))
    assert {answer.content for answer in at_once(8, lambda: outsider.get(path))} == {b"a document"}
    assert len(made) == 1


@pytest.mark.parametrize("path", ["/api/docs", "/api/schema"])
def test_document_comes_compressed_to_who_takes_it_and_not_at_all_to_who_has_it(outsider: Api, path: str) -> None:
    plain, packed = outsider.get(path), outsider.get(path, Accept_Encoding="br, gzip")

    assert gzip.decompress(packed.content) == plain.content
    assert (packed["Content-Encoding"], packed["Vary"]) == ("gzip", "Accept-Encoding, origin")
    assert "Content-Encoding" not in outsider.get(path, Accept_Encoding="gzip;q=0")
    assert len(packed.content) < len(plain.content) / 2
    assert plain["ETag"] != packed["ETag"]
    for answer, headers in ((plain, {}), (packed, {"Accept_Encoding": "gzip"})):
        known = outsider.get(path, If_None_Match=answer["ETag"], **headers)
        assert (known.status_code, known.content, known["ETag"]) == (304, b"", answer["ETag"])


@pytest.mark.parametrize("query", ["version=%0a", "version=%7f", "lang=x", "format=yaml"])
def test_document_takes_no_parameter(outsider: Api, query: str) -> None:
    for path in ("/api/schema", "/api/docs"):
        answer = outsider.get(f"{path}?{query}")
        assert (answer.status_code, answer.content) == (200, outsider.get(path).content)
        assert "Content-Disposition" not in answer
