"""The modes of the limiter of one process, while its store is unavailable."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from keys.limits.decision import Decision, Limits
from keys.limits.limiter import Limiter
from keys.limits.outage import PROBE_SECONDS
from keys.limits.rate import Rate
from keys.limits.stores import StoreAway
from mcp_project.errors import DomainError
from tests.support.clocked_stores import limits
from tests.support.fake_store import Clock, FakeStore


def test_request_that_cannot_be_decided_is_no_outage_for_others(
    limiter: Limiter, fake_store: FakeStore, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.THROTTLE_ON_OUTAGE = "open"
    locked, other = limits("1/d"), limits("1/d")
    spend = fake_store.spend

    def one_is_locked(limits: Limits, cost: int) -> Decision:
        if limits == locked:
            raise StoreAway("canceling statement due to lock timeout", lost=False)
        return spend(limits, cost)

    monkeypatch.setattr(fake_store, "spend", one_is_locked)

    with capture_logs() as logs:
        assert limiter.spend(locked).outage == "open"
        assert limiter.spend(other).outage == ""
    assert [entry["event"] for entry in logs] == ["limiter_undecided"]


def test_held_pool_is_waited_for_by_one_request_a_second(
    limiter: Limiter, fake_store: FakeStore, clock: Clock, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.THROTTLE_ON_OUTAGE = "closed"
    pool, asked = limits("10/s"), []
    spend, held = fake_store.spend, True

    def locked(limits: Limits, cost: int) -> Decision:
        asked.append(limits)
        if held:
            raise StoreAway("canceling statement due to lock timeout", lost=False)
        return spend(limits, cost)

    monkeypatch.setattr(fake_store, "spend", locked)

    for second in range(1, 4):
        for _ in range(5):
            with pytest.raises(DomainError, match="counters"):
                limiter.spend(pool)
        assert len(asked) == second
        clock.seconds += 1
    assert limiter.spend(limits("10/s", on_outage="open")).outage == "open", "the others are asked for"
    held = False
    assert [limiter.spend(pool).admitted for _ in range(3)] == [True] * 3


def outage_of(limiter: Limiter, fake_store: FakeStore, mode: str, settings: Any) -> None:
    settings.THROTTLE_ON_OUTAGE = mode
    fake_store.away = True


def test_closed_refuses_and_says_so(limiter: Limiter, fake_store: FakeStore, settings: Any) -> None:
    outage_of(limiter, fake_store, "closed", settings)

    with pytest.raises(DomainError) as refused:
        limiter.spend(limits("10/s"))

    assert refused.value.code == "LIMITER_UNAVAILABLE"
    assert refused.value.retry_after == 1


def test_open_admits_whatever_comes(limiter: Limiter, fake_store: FakeStore, settings: Any) -> None:
    outage_of(limiter, fake_store, "open", settings)
    pool = limits("1/d")

    told = [limiter.spend(pool) for _ in range(5)]

    assert {(decision.admitted, decision.outage) for decision in told} == {(True, "open")}
    assert told[0].standings == [], "nobody knows what is left"


@pytest.mark.parametrize(
    ("rate", "workers", "admitted"), [("100/d", 4, 25), ("10/d", 4, 2), ("1/d", 4, 1), ("3/s", 1, 3)]
)
def test_local_admits_the_share_of_a_worker(
    limiter: Limiter, fake_store: FakeStore, settings: Any, rate: str, workers: int, admitted: int
) -> None:
    outage_of(limiter, fake_store, "local", settings)
    settings.APP_WORKERS = workers
    pool = limits(rate)

    told = [limiter.spend(pool) for _ in range(60)]

    assert sum(decision.admitted for decision in told) == admitted
    assert {decision.outage for decision in told} == {"local"}
    assert told[-1].refused_by.limit == admitted


@pytest.mark.parametrize("rate", ["100/d", "7/s", "1/d", "3/m", "1000000/s"])
@pytest.mark.parametrize("workers", [1, 2, 3, 16, 256])
def test_shares_together_are_refilled_no_faster_than_the_whole(rate: str, workers: int) -> None:
    whole = Rate.parse(rate)
    share = whole.share(workers)

    assert share.limit >= 1
    assert workers * share.limit * whole.period <= whole.limit * share.period


def test_key_may_choose_another_mode_than_the_service(limiter: Limiter, fake_store: FakeStore, settings: Any) -> None:
    outage_of(limiter, fake_store, "open", settings)

    with pytest.raises(DomainError):
        limiter.spend(limits("1/d", on_outage="closed"))
    assert limiter.spend(limits("1/d", on_outage="local")).outage == "local"
    assert limiter.spend(limits("1/d")).outage == "open"


def test_refusal_that_is_remembered_stands_in_an_outage(limiter: Limiter, fake_store: FakeStore, settings: Any) -> None:
    pool = limits("1/d")
    limiter.spend(pool)
    limiter.spend(pool)
    outage_of(limiter, fake_store, "open", settings)

    assert not limiter.spend(pool).admitted


def test_store_that_is_away_is_asked_by_one_request_now_and_then(
    limiter: Limiter, fake_store: FakeStore, settings: Any, clock: Clock
) -> None:
    outage_of(limiter, fake_store, "open", settings)
    for _ in range(20):
        limiter.spend(limits("1/d"))
    assert fake_store.asked == 1

    clock.seconds += PROBE_SECONDS
    for _ in range(20):
        limiter.spend(limits("1/d"))
    assert fake_store.asked == 2

    fake_store.away = False
    clock.seconds += PROBE_SECONDS
    assert [limiter.spend(limits("1/d")).outage for _ in range(3)] == ["", "", ""]


def test_each_transition_is_logged_once(limiter: Limiter, fake_store: FakeStore, settings: Any, clock: Clock) -> None:
    settings.THROTTLE_ON_OUTAGE = "local"
    with capture_logs() as logs:
        for away in (True, False, True, False):
            fake_store.away = away
            for _ in range(10):
                clock.seconds += PROBE_SECONDS
                limiter.spend(limits("10/s"))

    assert [entry["event"] for entry in logs] == ["limiter_store_lost", "limiter_store_back"] * 2
    assert (logs[0]["error"], logs[0]["mode"], logs[1]["seconds"]) == ("nobody answers", "local", 5.0)


def test_late_answer_does_not_end_an_outage_that_began_after_it_was_asked(
    limiter: Limiter, fake_store: FakeStore, clock: Clock
) -> None:
    asked = clock.monotonic()
    clock.seconds += 1
    with capture_logs() as logs:
        limiter.outage.begin(fake_store, StoreAway("gone"))
        limiter.outage.end(fake_store, asked)

    assert [entry["event"] for entry in logs] == ["limiter_store_lost"]
    assert not limiter.outage.may_ask()
