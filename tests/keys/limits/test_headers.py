"""The headers that describe limits."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from keys.limits.decision import Decision, Limits, whole_seconds
from keys.limits.headers import refusal
from keys.limits.rate import NANOSECONDS, Rate
from tests.support.api import Api, api

pytestmark = pytest.mark.usefixtures("stopped_clock")


def test_answer_tells_each_limit_what_remains_and_when_it_is_whole(db: None) -> None:
    caller = api("someone", "read", rate_limit="600/5m", daily_quota=50, monthly_quota=100)
    caller.get("/api/models")

    answer = caller.get("/api/models")

    assert re.fullmatch(
        r'"rate_limit";q=600;w=300, "daily_quota";q=50;w=86400, "monthly_quota";q=100;w=(2419|2505|2592|2678)\d00',
        answer["RateLimit-Policy"],
    )
    told = re.fullmatch(
        r'"rate_limit";r=598;t=1, "daily_quota";r=48;t=(\d+), "monthly_quota";r=98;t=(\d+)', answer["RateLimit"]
    )
    assert told is not None, answer["RateLimit"]
    assert 0 < int(told[1]) <= 86400
    assert int(told[1]) <= int(told[2]) <= 31 * 86400


def test_older_headers_tell_of_the_limit_that_refuses_first(db: None) -> None:
    caller = api("someone", "read", rate_limit="600/m", daily_quota=2)

    answers = [caller.get("/api/models") for _ in range(3)]

    assert [answer["X-RateLimit-Remaining"] for answer in answers] == ["1", "0", "0"]
    assert {answer["X-RateLimit-Limit"] for answer in answers} == {"2"}
    assert answers[-1]["X-RateLimit-Reset"] == answers[-1]["Retry-After"]


def test_key_without_quotas_is_told_of_its_rate_alone(owner: Api) -> None:
    answer = owner.get("/api/models")

    assert answer["RateLimit-Policy"] == '"rate_limit";q=600;w=60'
    assert answer["RateLimit"] == '"rate_limit";r=599;t=1'
    assert "X-RateLimit-Outage" not in answer


@pytest.mark.parametrize("path", ["/api/models", "/api/nothing", "/api/keys", "/api/keys/me"])
def test_every_governed_answer_has_them(owner: Api, path: str) -> None:
    assert {"RateLimit", "RateLimit-Policy", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"} <= set(
        owner.get(path).headers
    )


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [("POST", {"Content_Length": "99999999"}, 413), ("PUT", {}, 405), ("GET", {"Host": "evil.example"}, 400)],
)
def test_refusals_of_other_kinds_have_them_too(owner: Api, method: str, headers: dict[str, str], status: int) -> None:
    answer = owner(method, "/api/models", **headers)

    assert (answer.status_code, answer["X-RateLimit-Limit"]) == (status, "600")
    assert answer["X-RateLimit-Remaining"] == "599"


@pytest.mark.parametrize("path", ["/health", "/api/schema"])
def test_answers_that_are_not_governed_have_none(owner: Api, path: str) -> None:
    assert not [name for name in owner.get(path).headers if "ratelimit" in name.lower()]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"rate_limit": "1/d"}, "RATE_LIMIT_EXCEEDED"),
        ({"daily_quota": 1}, "QUOTA_EXCEEDED"),
        ({"monthly_quota": 1}, "QUOTA_EXCEEDED"),
        ({"rate_limit": "1/s", "monthly_quota": 1}, "QUOTA_EXCEEDED"),
        ({"rate_limit": "1/90d", "daily_quota": 1}, "RATE_LIMIT_EXCEEDED"),
    ],
)
def test_refusal_says_which_limit_it_was(db: None, fields: dict[str, object], code: str) -> None:
    caller = api("eager", "read", **fields)
    caller.get("/api/models")

    refused = caller.get("/api/models")

    assert (refused.status_code, refused.json()["code"]) == (429, code)
    assert int(refused["Retry-After"]) >= 1


def test_quota_of_nothing_has_no_moment_to_come_back_at(db: None) -> None:
    refused = api("someone", "read", daily_quota=0).get("/api/models")

    assert (refused.status_code, refused.json()["code"]) == (429, "QUOTA_EXCEEDED")
    assert "Retry-After" not in refused


@pytest.mark.parametrize("rate", ["10/s", "7/s", "3/m", "600/5m", "1/d"])
@pytest.mark.parametrize("late", [0, 1, 10**8, 10**9 - 1])
def test_retry_after_is_the_first_whole_second_at_which_one_is_admitted(rate: str, late: int) -> None:
    limits = Limits(pool_id=None, rate=Rate.parse(rate))  # type: ignore[arg-type]
    ahead = max(0, limits.rate.capacity - late % limits.rate.emission)
    wait = refusal(Decision(limits, 1, admitted=False, ahead=ahead)).retry_after or 0

    def admits(seconds: int) -> bool:
        return limits.rate.emission <= limits.rate.capacity - max(0, ahead - seconds * NANOSECONDS)

    assert admits(wait)
    assert wait == 1 or not admits(wait - 1)


def test_numbers_are_such_as_a_structured_field_may_hold(db: None) -> None:
    answer = api("someone", "read", daily_quota=2**53).get("/api/models")

    assert '"daily_quota";q=999999999999999;' in answer["RateLimit-Policy"]
    assert '"daily_quota";r=999999999999999;' in answer["RateLimit"]


def test_answer_that_another_layer_worded_keeps_them(owner: Api, settings: Any) -> None:
    settings.DEBUG = True  # Django then shows a page of its own for a path that leads nowhere

    answer = owner.get("/api/nothing")

    assert (answer.status_code, answer["Content-Type"]) == (404, "application/json")
    assert answer["RateLimit"] == '"rate_limit";r=599;t=1'


def test_seconds_are_rounded_up() -> None:
    assert [whole_seconds(ns) for ns in (0, 1, NANOSECONDS, NANOSECONDS + 1)] == [0, 1, 1, 2]


def test_outage_is_named(owner: Api, settings: Any, lose_counters: Callable[[], None]) -> None:
    lose_counters()
    for mode in ("open", "local"):
        type(owner.row).objects.filter(pk=owner.row.pk).update(on_outage=mode)
        from keys.authentication import known_keys

        known_keys.clear()
        answer = owner.get("/api/models")
        assert (answer.status_code, answer["X-RateLimit-Outage"]) == (200, mode)
        assert ("RateLimit" in answer) == (mode == "local")
        requests = {"open": 600, "local": 600 // settings.APP_WORKERS}[mode]
        assert answer["RateLimit-Policy"] == f'"rate_limit";q={requests};w=60'
