"""GET /api/models"""

import pytest
from pytest_django import DjangoAssertNumQueries

from registry.models import RegisteredModel
from tests.support.api import Api


def _register(count: int) -> list[str]:
    models = [RegisteredModel(name=f"model {number}", owner="owner") for number in range(count)]
    RegisteredModel.objects.bulk_create(models)
    return [str(model.pk) for model in models]


def test_pages_hold_every_model_once_newest_first_also_those_of_one_moment(teammate: Api) -> None:
    made = _register(25)
    seen: list[str] = []
    url = "/api/models?limit=4"

    while url:
        page = teammate.get(url).json()
        seen += [model["id"] for model in page["results"]]
        url = page["next"]

    assert seen == made[::-1]


def test_previous_page_leads_back(teammate: Api) -> None:
    _register(5)
    first = teammate.get("/api/models?limit=2").json()
    second = teammate.get(first["next"]).json()

    assert first["previous"] is None
    assert teammate.get(second["previous"]).json()["results"] == first["results"]


def test_model_registered_meanwhile_shifts_no_page(teammate: Api) -> None:
    made = _register(4)
    first = teammate.get("/api/models?limit=2").json()
    RegisteredModel.objects.create(name="newcomer", owner="owner")

    second = teammate.get(first["next"]).json()

    assert [model["id"] for model in second["results"]] == [made[1], made[0]]


def test_page_makes_one_query_for_the_view_and_a_long_one_some(
    teammate: Api, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    _register(300)
    teammate.get("/api/models")  # now the key is remembered

    for limit, count in ((1, 1), (100, 1), (300, 3)):
        with django_assert_num_queries(1 + count) as queries:
            assert len(teammate.get(f"/api/models?limit={limit}").json()["results"]) == limit
        assert not any("COUNT(" in query["sql"] or "OFFSET" in query["sql"] for query in queries)


def test_list_is_the_same_with_and_without_a_trailing_slash(teammate: Api) -> None:
    _register(1)

    assert teammate.get("/api/models/").json()["results"] == teammate.get("/api/models").json()["results"]


@pytest.mark.parametrize("name", ["owner", "name", "framework", "task"])
def test_empty_parameter_is_refused_and_not_taken_for_no_filter(owner: Api, name: str) -> None:
    answer = owner.get(f"/api/models?{name}=")

    assert answer.status_code == 400
    assert [(error["field"], error["code"]) for error in answer.json()["errors"]] == [(name, "blank")]


@pytest.mark.parametrize("path", ["/api/keys?status=", "/api/deployments?status=", "/api/audit?object="])
def test_so_it_is_of_other_lists(admin: Api, path: str) -> None:
    assert admin.get(path).status_code == 400
    assert admin.get(path.replace("status", "nothing")).status_code == 400


@pytest.mark.parametrize("name", ["filter", "order_by", "search", "cursor"])
def test_empty_expression_is_no_condition(owner: Api, name: str) -> None:
    assert owner.get(f"/api/models?{name}=").status_code == 200
