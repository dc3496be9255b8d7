"""PATCH /api/models/{model_id} and of its versions."""

import json
from typing import Any

import pytest

from registry.models import RegisteredModel
from tests.support.api import Api, api
from tests.support.resources import errors, model, version

MODEL, VERSION = "/api/models/churn", "/api/models/churn/versions/1"


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE", "PUT"])
def test_reader_changes_nothing(teammate: Api, churn: None, method: str) -> None:
    paths = {"POST": f"{MODEL}/versions", "PUT": f"{MODEL}/aliases/a"}
    assert teammate(method, paths.get(method, MODEL), {"version": 1}, If_Match="*").status_code == 403


def test_name_of_another_model_gets_409(owner: Api, churn: None) -> None:
    model(owner, "other")

    assert owner("PATCH", "/api/models/other", {"name": "churn"}, If_Match="*").status_code == 409
    assert owner.get("/api/models/other").status_code == 200


def test_change_that_changes_nothing_is_none(owner: Api, churn: None) -> None:
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
def test_bad_change_gets_400_and_changes_nothing(owner: Api, churn: None, fields: dict[str, Any], field: str) -> None:
    before = owner.get(MODEL).json()

    assert errors(owner("PATCH", MODEL, fields, If_Match="*")) == {field}
    assert owner.get(MODEL).json() == before


def test_key_may_not_rename_a_model_out_of_its_sight(churn: None) -> None:
    bound = api("bound", "read", "write", model_patterns=["churn*"])

    assert bound("PATCH", MODEL, {"name": "secret"}, If_Match="*").status_code == 404
    assert RegisteredModel.objects.get().name == "churn"


def test_model_is_given_to_another_by_its_owner_or_an_admin(owner: Api, admin: Api, churn: None) -> None:
    stranger = api("stranger", "read", "write")

    assert stranger("PATCH", MODEL, {"owner": "stranger"}, If_Match="*").status_code == 403
    assert stranger.delete(MODEL).status_code == 403
    assert owner("PATCH", MODEL, {"owner": "stranger"}, If_Match="*").status_code == 200
    assert stranger.delete(MODEL).status_code == 204


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
