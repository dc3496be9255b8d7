"""Wrong keys, and the limit of the address that sends them."""

from collections.abc import Callable
from itertools import count
from typing import Any
from uuid import uuid4

import pytest
from django.db import InternalError
from pytest_django import DjangoAssertNumQueries

from keys.authentication import known_keys
from keys.crypto import KeyGenerator
from keys.limits import failures
from keys.limits.failures import blocked
from keys.models import Bucket
from tests.support.api import Api

pytestmark = pytest.mark.usefixtures("stopped_clock")


def test_too_many_wrong_keys_from_an_address_get_429(settings: Any, db: None, outsider: Api) -> None:
    settings.AUTH_FAILURE_RATE = "3/h"

    answers = [Api(KeyGenerator().generate()[0]).get("/api/models") for _ in range(5)]

    assert [answer.status_code for answer in answers] == [401, 401, 401, 429, 429]
    assert answers[-1].json()["code"] == "TOO_MANY_FAILURES"
    assert 1 <= int(answers[-1]["Retry-After"]) <= 3600


def test_blocked_address_is_refused_without_work_and_others_are_served(
    settings: Any, teammate: Api, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    settings.AUTH_FAILURE_RATE = "1/h"
    for _ in range(2):
        Api(KeyGenerator().generate()[0]).get("/api/models")

    with django_assert_num_queries(0):
        wrong = Api(KeyGenerator().generate()[0]).get("/api/models")
        right = teammate.get("/api/models")

    assert [answer.json()["code"] for answer in (wrong, right)] == ["TOO_MANY_FAILURES"] * 2
    assert int(right["Retry-After"]) > 1
    teammate._client.defaults["REMOTE_ADDR"] = "198.51.100.7"
    assert teammate.get("/api/models").status_code == 200


def test_wrong_key_is_remembered_and_looked_up_once(
    db: None, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    stranger = Api(KeyGenerator().generate()[0])
    stranger.get("/api/models")

    with django_assert_num_queries(1) as queries:
        assert stranger.get("/api/models").status_code == 401
    assert known_keys._entries == {}, "and it displaces no right one"

    assert "keys_spend" in queries[0]["sql"], "only the counter of failures"


def test_right_key_from_an_address_that_another_worker_blocked_is_refused_at_its_next_look_up(
    settings: Any, teammate: Api
) -> None:
    settings.AUTH_FAILURE_RATE = "1/h"
    for _ in range(2):
        Api(KeyGenerator().generate()[0]).get("/api/models")
    blocked.clear()  # as in another process, which knows only what the shared counter says

    assert teammate.get("/api/models").json()["code"] == "TOO_MANY_FAILURES"


def test_whole_ipv6_network_counts_as_one_address(settings: Any, db: None) -> None:
    settings.AUTH_FAILURE_RATE = "2/h"
    answers = []
    for number in range(5):
        stranger = Api(KeyGenerator().generate()[0])
        stranger._client.defaults["REMOTE_ADDR"] = f"2001:db8:1:2::{number}"
        answers.append(stranger.get("/api/models").status_code)

    assert answers == [401, 401, 429, 429, 429]


def test_missing_and_damaged_keys_are_not_counted_as_failures(settings: Any, outsider: Api) -> None:
    settings.AUTH_FAILURE_RATE = "1/h"

    assert [outsider.get("/api/models").status_code for _ in range(4)] == [401] * 4
    assert [outsider.get("/api/models", X_API_Key="mcp_damaged").status_code for _ in range(4)] == [401] * 4


def test_wrong_keys_are_counted_by_each_worker_alone_while_the_counters_are_away(
    settings: Any, teammate: Api, lose_counters: Callable[[], None]
) -> None:
    settings.AUTH_FAILURE_RATE, settings.APP_WORKERS, settings.THROTTLE_ON_OUTAGE = "2/h", 1, "closed"
    lose_counters()

    answers = [Api(KeyGenerator().generate()[0]).get("/api/models") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [401, 401, 429]
    assert answers[-1].json()["code"] == "TOO_MANY_FAILURES"


def test_addresses_whose_failures_are_long_ago_leave_no_row(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    full, held = (Bucket.objects.create(pool_id=uuid4(), full_at=full_at) for full_at in (1, 2**62))
    monkeypatch.setattr(failures, "_failures", count(failures.FAILURES_BETWEEN_SWEEPS))

    Api(KeyGenerator().generate()[0]).get("/api/models")

    assert not Bucket.objects.filter(pk=full.pk).exists()
    assert Bucket.objects.filter(pk=held.pk).exists()


def test_wrong_key_gets_401_although_old_failures_cannot_be_deleted(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def sweep() -> None:
        raise InternalError("cannot execute DELETE in a read-only transaction")

    monkeypatch.setattr(failures, "_failures", count(failures.FAILURES_BETWEEN_SWEEPS))
    monkeypatch.setattr(failures, "sweep", sweep)

    answer = Api(KeyGenerator().generate()[0]).get("/api/models")

    assert (answer.status_code, answer.json()["code"]) == (401, "INVALID_API_KEY")
