"""GET /api/usage and GET /api/usage/events"""

import pytest
from pytest_django import DjangoAssertNumQueries

from tests.conftest import Api, drain_own_journal


@pytest.fixture
def busy(admin: Api, owner: Api, teammate: Api) -> None:
    owner.post("/api/models", {"name": "m"})
    owner.post("/api/models", {"name": "m"})
    teammate.get("/api/models")
    drain_own_journal()


def test_key_sees_its_own_usage(busy: None, owner: Api) -> None:
    usage = owner.get("/api/usage").json()

    assert usage == {
        "requests": 2,
        "errors": 1,
        "routes": [{"route": "model-list", "method": "POST", "requests": 2, "errors": 1}],
    }


def test_admin_sees_all_usage(busy: None, admin: Api) -> None:
    usage = admin.get("/api/usage").json()

    assert (usage["requests"], usage["errors"]) == (3, 1)
    assert [(row["method"], row["requests"]) for row in usage["routes"]] == [("GET", 1), ("POST", 2)]


def test_events_are_listed_newest_first_and_only_the_keys_own(busy: None, owner: Api, teammate: Api) -> None:
    own = owner.get("/api/usage/events").json()["results"]
    others = teammate.get("/api/usage/events").json()["results"]

    assert [(event["status"], event["code"]) for event in own] == [(409, "CONFLICT"), (201, "")]
    assert [event["method"] for event in others] == ["GET"]


def test_pages_hold_every_event_once(busy: None, admin: Api) -> None:
    first = admin.get("/api/usage/events?limit=2").json()
    second = admin.get(first["next"]).json()

    seen = [event["id"] for event in [*first["results"], *second["results"]]]
    assert len(seen) == len(set(seen)) == 3
    assert seen == sorted(seen, reverse=True)


def test_reports_make_one_query_besides_the_limiters(
    busy: None, admin: Api, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    admin.get("/api/usage")  # now the key is remembered

    for path in ("/api/usage", "/api/usage/events"):
        with django_assert_num_queries(2):
            assert admin.get(path).status_code == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_ledger_cannot_be_written(admin: Api, method: str) -> None:
    assert admin(method, "/api/usage/events", {}).status_code == 405
