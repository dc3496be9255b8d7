"""POST /api/models"""

from typing import Any
from uuid import UUID

import pytest

from registry.models import RegisteredModel
from tests.support.api import Api
from tests.support.server import Server, at_once

FULL = {
    "name": "churn predictor",
    "description": "# Who leaves\n\nA *gradient-boosted* tree.",
    "owner": "growth",
    "framework": "xgboost",
    "task": "tabular-classification",
    "tags": {"team": "growth", "schön": "", "a.b-c": "ü" * 100},
    "metadata": {"auc": 0.91, "features": ["tenure", "plan"], "nested": {"deep": [1, None, True]}},
}


def test_registered_model_is_read_back_as_it_was_sent(owner: Api) -> None:
    created = owner.post("/api/models", FULL)

    assert created.status_code == 201
    model = created.json()
    assert model | FULL == model
    assert UUID(model["id"]).version == 7
    assert model["created_by"] == f"key:{owner.row.pk}"
    assert created["Location"] == f"/api/models/{model['id']}"
    assert owner.get(created["Location"]).json() == model


def test_model_belongs_to_the_keys_owner_unless_told(owner: Api) -> None:
    model = owner.post("/api/models", {"name": "m"}).json()

    assert model["owner"] == "owner"
    assert (model["tags"], model["metadata"], model["description"]) == ({}, {}, "")


def test_taken_name_gets_409_and_changes_nothing(owner: Api) -> None:
    first = owner.post("/api/models", FULL).json()

    response = owner.post("/api/models", {"name": FULL["name"], "framework": "other"})

    assert (response.status_code, response.json()["code"]) == (409, "CONFLICT")
    assert owner.get(f"/api/models/{first['id']}").json() == first
    assert RegisteredModel.objects.count() == 1


def test_of_many_at_once_with_one_name_one_succeeds(shared_server: Server) -> None:
    def register() -> int:
        with shared_server.client(shared_server.key) as client:
            return client.post("/api/models", json={"name": "contested"}).status_code

    assert sorted(at_once(8, register)) == [201] + [409] * 7


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": None}, "name"),
        ({"name": ""}, "name"),
        ({"name": "   "}, "name"),
        ({"name": True}, "name"),
        ({"name": 7.5}, "name"),
        ({"name": ["m"]}, "name"),
        ({"name": "x" * 256}, "name"),
        ({"name": "a/b"}, "name"),
        ({"name": "a:b"}, "name"),
        ({"name": "bell\u0007"}, "name"),
        ({"name": "right\u202eleft"}, "name"),
        ({"name": "line\u2028end"}, "name"),
        ({"description": "x" * 65_537}, "description"),
        ({"description": {}}, "description"),
        ({"owner": ""}, "owner"),
        ({"framework": "x" * 101}, "framework"),
        ({"task": "t\tab"}, "task"),
        ({"tags": ["a"]}, "tags"),
        ({"tags": {"a": 1}}, "tags.a"),
        ({"tags": {"a": {"b": "c"}}}, "tags.a"),
        ({"tags": {"": "x"}}, "tags"),
        ({"tags": {"k" * 251: "x"}}, "tags"),
        ({"tags": {"k": "v" * 5001}}, "tags"),
        ({"tags": {str(n): "x" for n in range(101)}}, "tags"),
        ({"metadata": []}, "metadata"),
        ({"metadata": "text"}, "metadata"),
        ({"metadata": {"k": "x" * 65_536}}, "metadata"),
        ({"nmae": "typo"}, "nmae"),
        ({"created_by": "me"}, "created_by"),
        ({"id": "018f0000-0000-7000-8000-000000000000"}, "id"),
    ],
)
def test_bad_field_gets_400_that_names_it(owner: Api, change: dict[str, Any], field: str) -> None:
    response = owner.post("/api/models", {"name": "m", **change})

    assert response.status_code == 400, response.content
    assert response.json()["code"] == "VALIDATION_ERROR"
    assert {error["field"] for error in response.json()["errors"]} == {field}
    assert not RegisteredModel.objects.exists()
