"""A key's `models`: what is not on the list does not exist for it."""

import pytest

from registry.models import RegisteredModel
from tests.conftest import Api, api

NAMES = ["churn", "churn-2", "fraud", "Fraud", "a.b", "axb", "50%", "a_b", "ünï*code", "x (y)", "x+y"]


@pytest.fixture(autouse=True)
def _models(db: None) -> None:
    for name in NAMES:
        RegisteredModel.objects.create(name=name, owner="owner")


@pytest.mark.parametrize(
    ("patterns", "seen"),
    [
        (["churn"], {"churn"}),
        (["churn*"], {"churn", "churn-2"}),
        (["*"], set(NAMES)),
        (["fraud"], {"fraud"}),
        (["a.b"], {"a.b"}),
        (["a_b"], {"a_b"}),
        (["a?b"], set()),
        (["50%"], {"50%"}),
        (["x (y)", "x+y"], {"x (y)", "x+y"}),
        (["*code"], {"ünï*code"}),
        (["[a-z]*"], set()),
        (["(churn)|.*"], set()),
        (["*-*", "f*"], {"churn-2", "fraud"}),
        (["nothing"], set()),
    ],
)
def test_list_read_and_write_agree_on_what_a_key_sees(patterns: list[str], seen: set[str]) -> None:
    bound = api("bound", "read", "write", model_patterns=patterns)

    listed = {model["name"] for model in bound.get("/api/models").json()["results"]}
    readable = {
        model.name for model in RegisteredModel.objects.all() if bound.get(f"/api/models/{model.pk}").status_code == 200
    }
    # A taken name on the list is 409; what is not on the list is 404, taken or not.
    writable = {name for name in NAMES if bound.post("/api/models", {"name": name}).status_code == 409}

    assert listed == readable == writable == seen


def test_key_without_a_list_sees_all(teammate: Api) -> None:
    assert {model["name"] for model in teammate.get("/api/models").json()["results"]} == set(NAMES)


def test_what_is_not_on_the_list_answers_as_what_does_not_exist() -> None:
    bound = api("bound", "read", "write", model_patterns=["churn*"])
    hidden = RegisteredModel.objects.get(name="fraud")

    answers = [
        bound.get(f"/api/models/{hidden.pk}"),
        bound.get(f"/api/models/{hidden.pk}".replace("0", "1")),
        bound.post("/api/models", {"name": "fraud"}),
        bound.post("/api/models", {"name": "fresh"}),
    ]

    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(404, "NOT_FOUND")}
    assert not RegisteredModel.objects.filter(name="fresh").exists()


def test_key_may_register_what_is_on_its_list() -> None:
    assert api("bound", "write", model_patterns=["churn*"]).post("/api/models", {"name": "churn-3"}).status_code == 201
