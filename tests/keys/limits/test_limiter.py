"""The limiter of one process: what it remembers of refusals, and what stands in while its store is away."""

from typing import Any
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from keys.limits.decision import Decision, Limits
from keys.limits.limiter import Limiter
from keys.limits.outage import PROBE_SECONDS
from keys.limits.rate import NANOSECONDS, Rate
from keys.limits.stores import Store, StoreAway
from keys.limits.stores.local import LocalStore
from mcp_project.errors import ApiError


class Clock:
    """Stands for the module `time`."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def monotonic(self) -> float:
        return self.seconds

    def monotonic_ns(self) -> int:
        return round(self.seconds * NANOSECONDS)


class FakeStore:
    """A bucket that counts how often it is asked, and can be away."""

    name = "fake"

    def __init__(self) -> None:
        self.asked = 0
        self.away = False
        self._buckets = LocalStore()

    def spend(self, limits: Limits, cost: int) -> Decision:
        self.asked += 1
        if self.away:
            raise StoreAway("nobody answers")
        decision = self._buckets.spend(limits, cost)
        return Decision(limits, cost, decision.admitted, decision.ahead)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    for place in (
        "keys.limits.limiter.time",
        "keys.limits.outage.time",
        "keys.limits.stores.local.time",
        "keys.memory.time",
    ):
        monkeypatch.setattr(place, clock)
    return clock


@pytest.fixture
def store(settings: Any) -> FakeStore:
    settings.APP_WORKERS = 1
    return FakeStore()


@pytest.fixture
def limiter(store: Store, clock: Clock) -> Limiter:
    limiter = Limiter()
    limiter.store = store
    return limiter


def limits(rate: str, **fields: Any) -> Limits:
    return Limits(uuid4(), Rate.parse(rate), **fields)


# --- Flood


def test_refused_key_is_refused_without_the_store_until_it_could_be_admitted(
    limiter: Limiter, store: FakeStore, clock: Clock
) -> None:
    pool = limits("2/s")
    assert [limiter.spend(pool).admitted for _ in range(50)] == [True, True, *[False] * 48]
    assert store.asked == 3, "once for each that was admitted, and once to be told of the refusal"

    clock.seconds += 0.499
    assert not limiter.spend(pool).admitted
    assert store.asked == 3
    clock.seconds += 0.001
    assert limiter.spend(pool).admitted
    assert store.asked == 4


def test_remembered_refusal_tells_what_is_left_now(limiter: Limiter, clock: Clock) -> None:
    pool = limits("2/h")
    for _ in range(3):
        limiter.spend(pool)
    clock.seconds += 4

    told = limiter.spend(pool)

    assert told.refused_by.wait == 1796 * NANOSECONDS
    assert told.refused_by.reset == 3596 * NANOSECONDS


def test_store_is_asked_again_after_a_while_in_case_it_was_reset(
    limiter: Limiter, store: FakeStore, clock: Clock
) -> None:
    pool = limits("1/d")
    limiter.spend(pool)
    limiter.spend(pool)
    store._buckets = LocalStore()
    clock.seconds += 5.001

    assert limiter.spend(pool).admitted


def test_raised_limit_is_not_refused_from_memory(limiter: Limiter) -> None:
    pool = limits("1/d", daily_quota=5)
    limiter.spend(pool)
    assert not limiter.spend(pool).admitted

    assert limiter.spend(Limits(pool.pool_id, Rate.parse("1000000/s"), 5)).refused_by.wait == 1000, (
        "the store was asked"
    )


def test_refusal_of_a_costly_request_does_not_refuse_a_cheap_one(limiter: Limiter) -> None:
    pool = limits("10/d")

    assert not limiter.spend(pool, 11).admitted
    assert limiter.spend(pool, 10).admitted
    assert not limiter.spend(pool, 3).admitted
    refused = limiter.spend(pool, 5)
    assert refused.refused_by.wait == 5 * pool.rate.emission, "of a remembered refusal, as much as this one costs"


def test_asking_is_not_answered_from_memory(limiter: Limiter, store: FakeStore) -> None:
    pool = limits("1/d")
    limiter.spend(pool)
    limiter.spend(pool)
    asked = store.asked

    assert not limiter.spend(pool, 0).admitted
    assert store.asked == asked + 1


def test_refusal_is_remembered_from_when_the_store_was_asked(
    limiter: Limiter, store: FakeStore, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = limits("2/s")
    limiter.spend(pool, 2)
    spend = store.spend

    def slowly(limits: Limits, cost: int) -> Decision:
        decision = spend(limits, cost)
        clock.seconds += 0.4
        return decision

    monkeypatch.setattr(store, "spend", slowly)
    assert not limiter.spend(pool).admitted
    clock.seconds += 0.1

    assert limiter.spend(pool).admitted, "half a second after the store was asked, it would admit one"


def test_refusal_that_is_remembered_over_midnight_tells_of_the_new_day() -> None:
    midnight = 1_769_904_000_000_000  # of the 31st of January 2026
    pool = limits("6/m", daily_quota=5, monthly_quota=5)
    before = Decision(pool, 1, False, ahead=60 * NANOSECONDS, now=midnight - 2_000_000, day_used=5, month_used=5)

    later = before.later(3 * NANOSECONDS, 1)

    assert before.later(NANOSECONDS, 1).day_used == 5
    assert (later.day_used, later.month_used) == (0, 0)
    assert (later.refused_by.name, later.refused_by.wait) == ("rate_limit", 7 * NANOSECONDS)


# --- Outage


def test_request_that_cannot_be_decided_is_no_outage_for_others(
    limiter: Limiter, store: FakeStore, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.THROTTLE_ON_OUTAGE = "open"
    locked, other = limits("1/d"), limits("1/d")
    spend = store.spend

    def one_is_locked(limits: Limits, cost: int) -> Decision:
        if limits == locked:
            raise StoreAway("canceling statement due to lock timeout", lost=False)
        return spend(limits, cost)

    monkeypatch.setattr(store, "spend", one_is_locked)

    with capture_logs() as logs:
        assert limiter.spend(locked).outage == "open"
        assert limiter.spend(other).outage == ""
    assert [entry["event"] for entry in logs] == ["limiter_undecided"]


def outage_of(limiter: Limiter, store: FakeStore, mode: str, settings: Any) -> None:
    settings.THROTTLE_ON_OUTAGE = mode
    store.away = True


def test_closed_refuses_and_says_so(limiter: Limiter, store: FakeStore, settings: Any) -> None:
    outage_of(limiter, store, "closed", settings)

    with pytest.raises(ApiError) as refused:
        limiter.spend(limits("10/s"))

    assert refused.value.code == "LIMITER_UNAVAILABLE"
    assert refused.value.headers == {"Retry-After": "1"}


def test_open_admits_whatever_comes(limiter: Limiter, store: FakeStore, settings: Any) -> None:
    outage_of(limiter, store, "open", settings)
    pool = limits("1/d")

    told = [limiter.spend(pool) for _ in range(5)]

    assert {(decision.admitted, decision.outage) for decision in told} == {(True, "open")}
    assert told[0].standings == [], "nobody knows what is left"


@pytest.mark.parametrize(
    ("rate", "workers", "admitted"), [("100/d", 4, 25), ("10/d", 4, 2), ("1/d", 4, 1), ("3/s", 1, 3)]
)
def test_local_admits_the_share_of_a_worker(
    limiter: Limiter, store: FakeStore, settings: Any, rate: str, workers: int, admitted: int
) -> None:
    outage_of(limiter, store, "local", settings)
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


def test_key_may_choose_another_mode_than_the_service(limiter: Limiter, store: FakeStore, settings: Any) -> None:
    outage_of(limiter, store, "open", settings)

    with pytest.raises(ApiError):
        limiter.spend(limits("1/d", on_outage="closed"))
    assert limiter.spend(limits("1/d", on_outage="local")).outage == "local"
    assert limiter.spend(limits("1/d")).outage == "open"


def test_refusal_that_is_remembered_stands_in_an_outage(limiter: Limiter, store: FakeStore, settings: Any) -> None:
    pool = limits("1/d")
    limiter.spend(pool)
    limiter.spend(pool)
    outage_of(limiter, store, "open", settings)

    assert not limiter.spend(pool).admitted


def test_store_that_is_away_is_asked_by_one_request_now_and_then(
    limiter: Limiter, store: FakeStore, settings: Any, clock: Clock
) -> None:
    outage_of(limiter, store, "open", settings)
    for _ in range(20):
        limiter.spend(limits("1/d"))
    assert store.asked == 1

    clock.seconds += PROBE_SECONDS
    for _ in range(20):
        limiter.spend(limits("1/d"))
    assert store.asked == 2

    store.away = False
    clock.seconds += PROBE_SECONDS
    assert [limiter.spend(limits("1/d")).outage for _ in range(3)] == ["", "", ""]


def test_each_transition_is_logged_once(limiter: Limiter, store: FakeStore, settings: Any, clock: Clock) -> None:
    settings.THROTTLE_ON_OUTAGE = "local"
    with capture_logs() as logs:
        for away in (True, False, True, False):
            store.away = away
            for _ in range(10):
                clock.seconds += PROBE_SECONDS
                limiter.spend(limits("10/s"))

    assert [entry["event"] for entry in logs] == ["limiter_store_lost", "limiter_store_back"] * 2
    assert (logs[0]["error"], logs[0]["mode"], logs[1]["seconds"]) == ("nobody answers", "local", 5.0)


def test_late_answer_does_not_end_an_outage_that_began_after_it_was_asked(
    limiter: Limiter, store: FakeStore, clock: Clock
) -> None:
    asked = clock.monotonic()
    clock.seconds += 1
    with capture_logs() as logs:
        limiter.outage.begin(store, StoreAway("gone"))
        limiter.outage.end(store, asked)

    assert [entry["event"] for entry in logs] == ["limiter_store_lost"]
    assert not limiter.outage.may_ask()
