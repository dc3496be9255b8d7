"""GET /api/keys/me"""

from collections.abc import Callable

import pytest

from tests.support.api import Api, api

pytestmark = pytest.mark.usefixtures("stopped_clock")


@pytest.mark.parametrize("permission", ["read", "write", "invoke", "verify", "admin"])
def test_any_key_may_read_itself(db: None, permission: str) -> None:
    caller = api("someone", permission)

    told = caller.get("/api/keys/me").json()

    assert (told["id"], told["permissions"]) == (str(caller.row.pk), [permission])
    assert "sha512" not in str(told)


def test_it_tells_what_is_left_and_takes_nothing_of_it(db: None) -> None:
    caller = api("someone", "read", rate_limit="3/d")
    caller.get("/api/models")

    told = [caller.get("/api/keys/me").json()["limits"]["rate_limit"] for _ in range(5)]

    assert [(standing["limit"], standing["remaining"]) for standing in told] == [(3, 2)] * 5
    assert caller.get("/api/keys/me")["X-RateLimit-Remaining"] == "2"


def test_it_tells_what_is_left_of_quotas(db: None) -> None:
    caller = api("someone", "read", daily_quota=10, monthly_quota=20)
    caller.get("/api/models")

    left = [caller.get("/api/keys/me").json()["limits"] for _ in range(3)]

    assert {(told["daily_quota"]["remaining"], told["monthly_quota"]["remaining"]) for told in left} == {(9, 19)}
    assert 0 < left[0]["daily_quota"]["reset"] <= 86400


def test_it_answers_when_nothing_is_left(db: None) -> None:
    caller = api("someone", "read", rate_limit="1/d")
    caller.get("/api/models")
    assert caller.get("/api/models").status_code == 429

    response = caller.get("/api/keys/me")

    assert response.status_code == 200
    assert response.json()["limits"]["rate_limit"]["remaining"] == 0


def test_fresh_key_has_its_whole_bucket(db: None) -> None:
    assert api("someone", "read", rate_limit="3/d").get("/api/keys/me").json()["limits"] == {
        "rate_limit": {"limit": 3, "remaining": 3, "reset": 0},
        "daily_quota": None,
        "monthly_quota": None,
    }


def test_asking_by_head_costs_nothing_either(db: None) -> None:
    caller = api("someone", "read", rate_limit="3/d")

    assert [caller("HEAD", "/api/keys/me")["X-RateLimit-Remaining"] for _ in range(3)] == ["3"] * 3


def test_answer_is_what_the_document_says(outsider: Api, db: None) -> None:
    schemas = outsider.get("/api/schema").json()["components"]["schemas"]

    told = api("someone", "read").get("/api/keys/me").json()

    assert set(told) == set(schemas["OwnKey"]["properties"])
    assert set(told["limits"]) == set(schemas["Limits"]["properties"])
    assert set(told["limits"]["rate_limit"]) == set(schemas["Standing"]["properties"])


def test_outsider_gets_401(outsider: Api) -> None:
    assert outsider.get("/api/keys/me").status_code == 401


def test_it_answers_while_the_counters_are_away(owner: Api, lose_counters: Callable[[], None]) -> None:
    lose_counters()
    assert owner.get("/api/models").status_code == 503

    answer = owner.get("/api/keys/me")

    assert (answer.status_code, answer.json()["limits"], answer["X-RateLimit-Outage"]) == (200, None, "closed")
