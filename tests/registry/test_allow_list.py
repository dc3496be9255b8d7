"""A key's `models`: for the key, models that are not on the list do not exist."""

import fnmatch

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from keys.patterns import matches
from keys.principal import Principal
from registry.models import RegisteredModel
from registry.queries import visible_models
from tests.support.api import Api, api

NAMES = ["churn", "churn-2", "fraud", "Fraud", "a.b", "axb", "50%", "a_b", "ünï*code", "x (y)", "x+y"]


@pytest.fixture
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
@pytest.mark.usefixtures("_models")
def test_list_read_and_write_agree_on_what_a_key_sees(patterns: list[str], seen: set[str]) -> None:
    bound = api("bound", "read", "write", model_patterns=patterns)

    listed = {model["name"] for model in bound.get("/api/models").json()["results"]}
    readable = {
        model.name for model in RegisteredModel.objects.all() if bound.get(f"/api/models/{model.pk}").status_code == 200
    }
    # A taken name on the list is a 409; a name that is not on the list is a 404, taken or not.
    writable = {name for name in NAMES if bound.post("/api/models", {"name": name}).status_code == 409}

    assert listed == readable == writable == seen


@pytest.mark.usefixtures("_models")
def test_unlucky_patterns_and_names_take_no_longer_than_others() -> None:
    """As regular expressions these would keep Python busy for longer than the test may take, and PostgreSQL refuses."""
    bound = api("bound", "read", "write", model_patterns=["*a" * 100 + "b", "*" * 255] + ["*a*" * 80] * 90)
    RegisteredModel.objects.create(name="a" * 255, owner="owner")

    assert bound.post("/api/models", {"name": "a" * 255}).status_code == 409
    assert (
        api("other", "write", model_patterns=["*a" * 120 + "b"]).post("/api/models", {"name": "a" * 255}).status_code
        == 404
    )
    assert bound.get("/api/models").status_code == 200
    assert api("cjk", "read", model_patterns=["長" * 255] * 100).get("/api/models").json()["results"] == []


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("*a*a*", "a", False),
        ("*a*a*", "aa", True),
        ("*ab*ba*", "aba", False),
        ("a*a", "a", False),
        ("ab*ba", "aba", False),
        ("a*b*c", "acb", False),
        ("**", "", True),
        ("", "", True),
    ],
)
def test_parts_of_a_pattern_do_not_share_characters(pattern: str, name: str, expected: bool) -> None:
    assert matches(pattern, name) is expected


@given(st.text("ab*", max_size=8), st.text("ab", max_size=8))
def test_pattern_means_what_the_shells_does(pattern: str, name: str) -> None:
    assert matches(pattern, name) == fnmatch.fnmatchcase(name, pattern)


@pytest.mark.usefixtures("_models")
def test_key_without_a_list_sees_all(teammate: Api) -> None:
    assert {model["name"] for model in teammate.get("/api/models").json()["results"]} == set(NAMES)


@pytest.mark.usefixtures("_models")
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


@pytest.mark.usefixtures("_models")
def test_key_may_register_what_is_on_its_list() -> None:
    assert api("bound", "write", model_patterns=["churn*"]).post("/api/models", {"name": "churn-3"}).status_code == 201


@pytest.mark.usefixtures("_models")
def test_names_on_the_list_are_looked_up_in_an_index() -> None:
    bound = Principal.of(api("bound", "read", model_patterns=["churn", "fraud*"]).row)

    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")  # of a few rows PostgreSQL would read all
        cursor.execute("SET LOCAL enable_sort = off")
        plan = visible_models(bound).order_by().explain()

    assert "Index Cond: (((name)::text" in plan, plan
