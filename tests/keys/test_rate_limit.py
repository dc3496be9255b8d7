"""ThrottleMiddleware and the buckets behind it."""

from uuid import UUID, uuid4

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from keys.limits.buckets import decision, spend
from keys.limits.rate import NANOSECONDS, Rate
from tests.conftest import Api, api


def test_bucket_admits_its_limit_and_then_refuses(db: None) -> None:
    caller = api("eager", "read", rate_limit="3/d")

    answers = [caller.get("/api/models") for _ in range(5)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert [answer["X-RateLimit-Remaining"] for answer in answers] == ["2", "1", "0", "0", "0"]
    assert {answer["X-RateLimit-Limit"] for answer in answers} == {"3"}
    refused = answers[-1]
    assert refused.json()["code"] == "RATE_LIMIT_EXCEEDED"
    assert 28790 <= int(refused["Retry-After"]) <= 28800  # a third of a day, less what the test took


def test_keys_have_buckets_of_their_own(db: None) -> None:
    first, second = (api(name, "read", rate_limit="1/d") for name in ("first", "second"))

    assert [first.get("/api/models").status_code for _ in range(2)] == [200, 429]
    assert second.get("/api/models").status_code == 200


def test_refused_request_consumes_nothing(db: None) -> None:
    key, rate = uuid4(), Rate(2, 3600)
    assert [spend(key, rate).admitted for _ in range(4)] == [True, True, False, False]
    _let_time_pass(key, 1800)

    assert [spend(key, rate).admitted for _ in range(2)] == [True, False]


def test_request_is_admitted_once_retry_after_has_passed_and_not_a_second_earlier(db: None) -> None:
    key, rate = uuid4(), Rate(1, 3600)
    spend(key, rate)
    wait = spend(key, rate).retry_after

    _let_time_pass(key, wait - 2)
    assert not spend(key, rate).admitted
    _let_time_pass(key, 2)
    assert spend(key, rate).admitted


def test_raised_rate_does_not_keep_the_debt_of_the_old_one(db: None) -> None:
    key = uuid4()
    spend(key, Rate(1, 86400))

    told = spend(key, Rate(600, 60))

    assert (told.admitted, told.remaining) == (False, 0)
    assert told.retry_after <= 1
    _let_time_pass(key, 1)
    assert spend(key, Rate(600, 60)).admitted


def test_wrong_body_length_is_refused_before_the_bucket_is_charged(db: None) -> None:
    caller = api("large", "write", rate_limit="2/d")

    assert caller.post("/api/models", b"x" * 2_000_000).status_code == 413
    assert caller.post("/api/models", {"name": "m"})["X-RateLimit-Remaining"] == "1"


@given(st.integers(1, 10**9), st.integers(1, 366 * 86400), st.integers(0, 10**18))
def test_figures_given_to_clients_agree_with_each_other(limit: int, period: int, ahead: int) -> None:
    rate = Rate(limit, period)
    ahead %= rate.interval_ns * limit + 1

    told = decision(True, rate, ahead)

    assert 0 <= told.remaining <= limit
    assert (told.retry_after == 0) == (told.remaining >= 1)
    assert told.reset * NANOSECONDS >= ahead
    assert told.reset <= period


def _let_time_pass(key: UUID, seconds: int) -> None:
    """Move the bucket's own clock: the database's cannot be set."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE keys_bucket SET full_at = full_at - %s WHERE key_id = %s", [seconds * NANOSECONDS, key])


@pytest.mark.parametrize("path", ["/health", "/health/live", "/api/schema", "/api/docs"])
def test_open_paths_are_not_limited(db: None, outsider: Api, path: str) -> None:
    response = outsider.get(path)

    assert response.status_code == 200
    assert "X-RateLimit-Limit" not in response
