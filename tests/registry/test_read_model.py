"""GET /api/models/{model_id}"""

from uuid import uuid4

import pytest
from pytest_django import DjangoAssertNumQueries

from registry.models import RegisteredModel
from tests.support.api import Api
from tests.support.resources import model, version


def test_read_makes_one_query_for_the_view_and_one_for_the_limiter(
    teammate: Api, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    model = RegisteredModel.objects.create(name="m", owner="owner")
    teammate.get(f"/api/models/{model.pk}")  # now the key is remembered

    with django_assert_num_queries(2) as queries:
        assert teammate.get(f"/api/models/{model.pk}").json()["name"] == "m"

    assert len({query["sql"] for query in queries}) == 2, "no query is repeated"


@pytest.mark.parametrize("model_id", ["01900000-0000-7000-8000-000000000000", "no-uuid", "%00", "..", "é", "x" * 5000])
def test_unknown_model_gets_404(teammate: Api, model_id: str) -> None:
    response = teammate.get(f"/api/models/{model_id}")

    assert (response.status_code, response.json()["code"]) == (404, "NOT_FOUND")


def test_outsider_learns_nothing(outsider: Api, teammate: Api) -> None:
    model = RegisteredModel.objects.create(name="m", owner="owner")

    there = outsider.get(f"/api/models/{model.pk}")
    absent = outsider.get(f"/api/models/{uuid4()}")

    assert there.status_code == absent.status_code == 401
    assert there.json()["detail"] == absent.json()["detail"]


@pytest.mark.parametrize(
    ("path", "queries"),
    [
        ("/api/models/m", 2), ("/api/models/m/versions/1", 4), ("/api/models/m/versions", 3),
        ("/api/models/m/versions?fields=parents", 4),
        ("/api/models/m/aliases/a", 2), ("/api/models/m/aliases/latest", 2), ("/api/models/m/aliases/v1", 3),
        ("/api/models/m/aliases/a/history", 3), ("/api/models/m/history", 3), ("/api/models?search=m", 3),
        ("/api/models/m/card", 4), ("/api/models/m/lineage?depth=5", 5),
    ],
)  # fmt: skip
def test_each_address_makes_as_many_queries_as_it_must(
    owner: Api, django_assert_num_queries: DjangoAssertNumQueries, path: str, queries: int
) -> None:
    """The limiter's among them. As many however many versions there are."""
    model(owner, "m")
    for _ in range(3):
        version(owner, "m", parents=[{"uri": "s3://data/1"}, {"uri": "s3://data/2"}])
    owner("PUT", "/api/models/m/aliases/a", {"version": 1})

    with django_assert_num_queries(queries):
        assert owner.get(path).status_code == 200
