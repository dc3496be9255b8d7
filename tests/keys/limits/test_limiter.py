"""The limiter of one process: what it remembers of refusals."""

import pytest

from keys.limits.decision import Decision, Limits
from keys.limits.limiter import Limiter
from keys.limits.rate import NANOSECONDS, Rate
from keys.limits.stores.local import LocalStore
from tests.support.clocked_stores import limits
from tests.support.fake_store import Clock, FakeStore


def test_refused_key_is_refused_without_the_store_until_it_could_be_admitted(
    limiter: Limiter, fake_store: FakeStore, clock: Clock
) -> None:
    pool = limits("2/s")
    assert [limiter.spend(pool).admitted for _ in range(50)] == [True, True, *[False] * 48]
    assert fake_store.asked == 3, "once for each that was admitted, and once to be told of the refusal"

    clock.seconds += 0.499
    assert not limiter.spend(pool).admitted
    assert fake_store.asked == 3
    clock.seconds += 0.001
    assert limiter.spend(pool).admitted
    assert fake_store.asked == 4


def test_remembered_refusal_tells_what_is_left_now(limiter: Limiter, clock: Clock) -> None:
    pool = limits("2/h")
    for _ in range(3):
        limiter.spend(pool)
    clock.seconds += 4

    told = limiter.spend(pool)

    assert told.refused_by.wait == 1796 * NANOSECONDS
    assert told.refused_by.reset == 3596 * NANOSECONDS


def test_store_is_asked_again_after_a_while_in_case_it_was_reset(
    limiter: Limiter, fake_store: FakeStore, clock: Clock
) -> None:
    pool = limits("1/d")
    limiter.spend(pool)
    limiter.spend(pool)
    fake_store._buckets = LocalStore()
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


def test_asking_is_not_answered_from_memory(limiter: Limiter, fake_store: FakeStore) -> None:
    pool = limits("1/d")
    limiter.spend(pool)
    limiter.spend(pool)
    asked = fake_store.asked

    assert not limiter.spend(pool, 0).admitted
    assert fake_store.asked == asked + 1


def test_refusal_is_remembered_from_when_the_store_was_asked(
    limiter: Limiter, fake_store: FakeStore, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = limits("2/s")
    limiter.spend(pool, 2)
    spend = fake_store.spend

    def slowly(limits: Limits, cost: int) -> Decision:
        decision = spend(limits, cost)
        clock.seconds += 0.4
        return decision

    monkeypatch.setattr(fake_store, "spend", slowly)
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
