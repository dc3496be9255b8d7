"""PATCH, DELETE and conditional GET of models and versions; history."""

import json
from typing import Any

import pytest

from keys.models import AuditEntry
from registry.models import ModelVersion, RegisteredModel
from tests.conftest import Api, api
from tests.registry.made import errors, model, version
from tests.server import Server, at_once

MODEL, VERSION = "/api/models/churn", "/api/models/churn/versions/1"


@pytest.fixture
def made(owner: Api) -> None:
    model(owner, tags={"a": "1"})
    version(owner)


@pytest.mark.parametrize("path", [MODEL, VERSION])
def test_change_takes_the_etag_that_was_read(owner: Api, made: None, path: str) -> None:
    etag = owner.get(path)["ETag"]

    changed = owner("PATCH", path, {"description": "new"}, If_Match=etag)
    stale = owner("PATCH", path, {"description": "newer"}, If_Match=etag)
    without = owner("PATCH", path, {"description": "newer"})

    assert [response.status_code for response in (changed, stale, without)] == [200, 412, 428]
    assert owner.get(path).json()["description"] == "new"
    assert owner.get(path)["ETag"] == changed["ETag"] != etag


@pytest.mark.parametrize("path", [MODEL, VERSION])
def test_what_is_known_is_not_sent_again(owner: Api, made: None, path: str) -> None:
    etag = owner.get(path)["ETag"]

    for header in (etag, f'"x", {etag}', f"W/{etag}", "*"):
        known = owner.get(path, If_None_Match=header)
        assert (known.status_code, known.content, known["ETag"]) == (304, b"", etag)
    owner("PATCH", path, {"description": "new"}, If_Match="*")
    assert owner.get(path, If_None_Match=etag).status_code == 200


def test_alias_changes_the_etag_of_the_model_and_of_its_versions(owner: Api, made: None) -> None:
    before = [owner.get(path)["ETag"] for path in (MODEL, VERSION)]
    owner("PUT", f"{MODEL}/aliases/champion", {"version": 1})

    assert all(owner.get(path)["ETag"] != etag for path, etag in zip((MODEL, VERSION), before, strict=True))


@pytest.mark.parametrize("path", [MODEL, VERSION])
def test_delete_may_be_bound_to_an_etag(owner: Api, made: None, path: str) -> None:
    assert owner.delete(path, If_Match='"0"').status_code == 412
    assert owner.delete(path, If_Match=owner.get(path)["ETag"]).status_code == 204
    assert owner.get(path).status_code == 404


def test_deleting_a_model_takes_its_versions_but_not_its_history(owner: Api, made: None) -> None:
    ident = owner.get(MODEL).json()["id"]
    assert owner.delete(MODEL).status_code == 204

    assert not ModelVersion.objects.exists()
    told = AuditEntry.objects.filter(object_id=ident).values_list("action", flat=True)
    assert list(told) == ["delete", "create_version", "create"]


@pytest.mark.parametrize("path", [MODEL, VERSION])
def test_what_others_own_is_deleted_by_admins_alone(admin: Api, made: None, path: str) -> None:
    stranger = api("stranger", "read", "write")

    assert stranger("PATCH", path, {"description": "d"}, If_Match="*").status_code == 200
    assert (stranger.delete(path).status_code, stranger.delete(path).json()["code"]) == (403, "PERMISSION_DENIED")
    assert admin.delete(path).status_code == 204


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE", "PUT"])
def test_reader_changes_nothing(teammate: Api, made: None, method: str) -> None:
    paths = {"POST": f"{MODEL}/versions", "PUT": f"{MODEL}/aliases/a"}
    assert teammate(method, paths.get(method, MODEL), {"version": 1}, If_Match="*").status_code == 403


def test_history_stays_with_a_model_that_is_renamed(owner: Api, made: None) -> None:
    ident = owner.get(MODEL).json()["id"]
    assert owner("PATCH", MODEL, {"name": "leavers"}, If_Match="*").json()["name"] == "leavers"

    assert owner.get(MODEL).status_code == 404
    assert owner.get("/api/models/leavers/versions/1").json()["model"] == "leavers"
    entries = owner.get("/api/models/leavers/history").json()["results"]
    assert [entry["action"] for entry in entries] == ["update", "create_version", "create"]
    assert entries[0]["changes"] == {"name": ["churn", "leavers"]}
    assert entries == owner.get(f"/api/models/{ident}/history").json()["results"]


def test_name_of_another_model_gets_409(owner: Api, made: None) -> None:
    model(owner, "other")

    assert owner("PATCH", "/api/models/other", {"name": "churn"}, If_Match="*").status_code == 409
    assert owner.get("/api/models/other").status_code == 200


def test_change_that_changes_nothing_is_none(owner: Api, made: None) -> None:
    before = owner.get(MODEL)
    owner("PATCH", MODEL, {"tags": {"a": "1"}}, If_Match="*")

    after = owner.get(MODEL)
    assert (after["ETag"], after.json()) == (before["ETag"], before.json())


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": "a/b"}, "name"), ({"name": "a:b"}, "name"), ({"name": ""}, "name"), ({"name": "a\u202eb"}, "name"),
        ({"tags": {"x": 1}}, "tags"), ({"latest_version": 3}, "latest_version"), ({"aliases": {"a": 1}}, "aliases"),
        ({"license": "x" * 101}, "license"), ({"id": "x"}, "id"),
    ],
)  # fmt: skip
def test_bad_change_gets_400_and_changes_nothing(owner: Api, made: None, fields: dict[str, Any], field: str) -> None:
    before = owner.get(MODEL).json()

    assert errors(owner("PATCH", MODEL, fields, If_Match="*")) == {field}
    assert owner.get(MODEL).json() == before


def test_key_may_not_rename_a_model_out_of_its_sight(made: None) -> None:
    bound = api("bound", "read", "write", model_patterns=["churn*"])

    assert bound("PATCH", MODEL, {"name": "secret"}, If_Match="*").status_code == 404
    assert RegisteredModel.objects.get().name == "churn"


def test_model_is_given_to_another_by_its_owner_or_an_admin(owner: Api, admin: Api, made: None) -> None:
    stranger = api("stranger", "read", "write")

    assert stranger("PATCH", MODEL, {"owner": "stranger"}, If_Match="*").status_code == 403
    assert stranger.delete(MODEL).status_code == 403
    assert owner("PATCH", MODEL, {"owner": "stranger"}, If_Match="*").status_code == 200
    assert stranger.delete(MODEL).status_code == 204


def test_etag_of_what_is_made_again_is_another(owner: Api, made: None) -> None:
    before = owner.get(MODEL)["ETag"]
    owner.delete(MODEL)
    model(owner, tags={"a": "1"})
    version(owner)

    assert owner.get(MODEL)["ETag"] != before
    assert owner("PATCH", MODEL, {"task": "t"}, If_Match=before).status_code == 412


@pytest.mark.parametrize(
    ("before", "after"), [({"a": True}, {"a": 1}), ({"a": 1}, {"a": 1.0}), ({"a": [0]}, {"a": [False]})]
)
def test_what_python_calls_equal_is_stored_all_the_same(
    owner: Api, before: dict[str, Any], after: dict[str, Any]
) -> None:
    model(owner, metadata=before)
    version(owner, params=before, status="pending")

    for path, field in ((MODEL, "metadata"), (VERSION, "params")):
        owner("PATCH", path, {field: after}, If_Match="*")
        assert json.dumps(owner.get(path).json()[field]) == json.dumps(after)


def test_history_does_not_tell_of_models_that_the_key_may_not_see(owner: Api, made: None) -> None:
    model(owner, "secret")
    version(owner, "secret")
    version(owner, status="pending")
    owner("PATCH", "/api/models/churn/versions/2", {"parents": [{"uri": "models:/secret/1"}]}, If_Match="*")
    version(owner, source="models:/secret/1")
    owner("PATCH", "/api/models/churn", {"name": "hidden"}, If_Match="*")
    owner("PATCH", "/api/models/hidden", {"name": "public"}, If_Match="*")
    bound = api("bound", "read", model_patterns=["public"])

    for path in ("history", "versions", "versions/2", "versions/3", "card", "lineage?version=2", "lineage?version=3"):
        answer = bound.get(f"/api/models/public/{path}")
        assert answer.status_code == 200
        assert b"secret" not in answer.content
        assert b'"hidden"' not in answer.content
    assert b"secret" in owner.get("/api/models/public/history").content


def test_of_many_changes_of_what_was_read_one_succeeds(server: Server) -> None:
    with server.client(server.key) as client:
        client.post("/api/models", json={"name": "contested"})
        etag = client.get("/api/models/contested").headers["ETag"]

    def change() -> int:
        with server.client(server.key) as client:
            return client.patch("/api/models/contested", json={"task": "t"}, headers={"If-Match": etag}).status_code

    assert sorted(at_once(8, change)) == [200] + [412] * 7


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("search=gradient", ["churn"]), ("search=GROWTH", ["churn"]), ("search=leavers", ["leavers-v2"]),
        ("search=team", ["churn"]), ("search=gradient growth", ["churn"]), ("search=gradient -growth", []),
        ("search=%27%3B DROP", []), ("framework=xgboost", ["churn"]), ("name=churn", ["churn"]),
        ("filter=name LIKE 'l%25'", ["leavers-v2"]), ("filter=tags.team = 'growth'", ["churn"]),
        ("order_by=name", ["churn", "leavers-v2"]), ("order_by=name DESC", ["leavers-v2", "churn"]),
    ],
)  # fmt: skip
def test_models_are_searched_filtered_and_ordered(owner: Api, query: str, names: list[str]) -> None:
    model(owner, description="A gradient-boosted tree", tags={"team": "growth"}, framework="xgboost")
    model(owner, "leavers-v2")

    response = owner.get(f"/api/models?{query}")
    assert response.status_code == 200, response.content
    assert [row["name"] for row in response.json()["results"]] == names


def test_words_of_many_models_are_found_in_pages(owner: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("registry.rest.filters.FEW", 3)
    for number in range(5):
        model(owner, f"model {number}", description="common" + (" rare" if number < 3 else ""))

    for word, numbers in (("rare", [2, 1, 0]), ("common", [4, 3, 2, 1, 0])):
        first = owner.get(f"/api/models?search={word}&limit=2").json()
        second = owner.get(first["next"]).json()["results"]
        assert [row["name"] for row in [*first["results"], *second]] == [f"model {n}" for n in numbers[:4]]


@pytest.mark.parametrize("query", ["filter=x = 1", "order_by=owner", f"search={'x' * 201}"])
def test_bad_query_gets_400(owner: Api, query: str) -> None:
    assert errors(owner.get(f"/api/models?{query}")) == {query.partition("=")[0]}
