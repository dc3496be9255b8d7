"""The contract of the stores, on quotas."""

from datetime import UTC, datetime
from typing import Any

import pytest

from keys.limits.decision import Limits
from keys.limits.rate import Rate
from tests.support.clocked_stores import (
    DAY,
    HOUR,
    MILLISECOND,
    SECOND,
    Clocked,
    limits,
)


@pytest.mark.parametrize("name", ["daily_quota", "monthly_quota"])
def test_quota_admits_so_many_and_not_one_more(store: Clocked, name: str) -> None:
    quotas: dict[str, Any] = {name: 50}
    pool = limits(**quotas)

    assert store.admitted_of(80, pool) == 50
    assert store.spend(pool).refused_by.name == name


def test_request_that_a_quota_refuses_takes_nothing_from_the_bucket_and_the_other_quota(store: Clocked) -> None:
    pool = limits("1000/d", daily_quota=5, monthly_quota=100)
    assert store.admitted_of(50, pool) == 5

    left = {limit.name: limit.remaining for limit in store.spend(pool, 0).standings}

    assert left == {"rate_limit": 995, "daily_quota": 0, "monthly_quota": 95}


def test_request_that_the_bucket_refuses_takes_nothing_from_the_quotas(store: Clocked) -> None:
    pool = limits("3/d", daily_quota=50, monthly_quota=100)
    assert store.admitted_of(50, pool) == 3

    left = {limit.name: limit.remaining for limit in store.spend(pool, 0).standings}

    assert left == {"rate_limit": 0, "daily_quota": 47, "monthly_quota": 97}


def test_bucket_that_is_cut_to_a_raised_rate_takes_nothing_from_the_quotas(store: Clocked) -> None:
    slow = limits("1/d", daily_quota=50)
    store.spend(slow)

    told = store.spend(Limits(slow.pool_id, Rate.parse("600/m"), daily_quota=50))

    assert (told.admitted, told.day_used) == (False, 1)


def test_day_begins_at_midnight_utc(store: Clocked) -> None:
    pool = limits(daily_quota=3)
    store.admitted_of(3, pool)
    refused = store.spend(pool)
    assert refused.refused_by.wait == 12 * HOUR * 1000

    store.pass_by(12 * HOUR - 1)
    assert not store.spend(pool).admitted
    store.pass_by(1)
    assert store.admitted_of(9, pool) == 3


@pytest.mark.parametrize(
    ("now", "days"),
    [((2026, 1, 1), 31), ((2026, 2, 28), 1), ((2028, 2, 28), 2), ((2026, 12, 31), 1), ((2026, 3, 1), 31),
     ((2100, 2, 28), 1), ((2024, 2, 29), 1), ((2026, 4, 30), 1)],
)  # fmt: skip
def test_month_begins_on_its_first_in_utc(store: Clocked, now: tuple[int, int, int], days: int) -> None:
    store.move_to(int(datetime(*now, tzinfo=UTC).timestamp()) * SECOND)
    pool = limits(monthly_quota=3)
    store.admitted_of(3, pool)
    refused = store.spend(pool)
    assert refused.refused_by.wait == days * DAY * 1000

    store.pass_by(days * DAY - 1)
    assert not store.spend(pool).admitted
    store.pass_by(1)
    assert store.admitted_of(9, pool) == 3


def test_month_goes_on_when_the_day_ends(store: Clocked) -> None:
    store.move_to(int(datetime(2026, 1, 15, tzinfo=UTC).timestamp()) * SECOND)
    pool = limits(daily_quota=3, monthly_quota=5)

    assert store.admitted_of(9, pool) == 3
    store.pass_by(DAY)
    assert store.admitted_of(9, pool) == 2
    assert store.spend(pool).refused_by.name == "monthly_quota", "of two that refuse, the one that does so longest"


@pytest.mark.parametrize(("quota", "admitted"), [(0, 0), (1, 1), (2**53, 9)])
def test_quotas_at_the_ends_of_their_range(store: Clocked, quota: int, admitted: int) -> None:
    pool = limits(daily_quota=quota)

    assert store.admitted_of(9, pool) == admitted
    assert store.spend(pool, 0).standings[1].remaining == quota - admitted


def test_nothing_waits_for_a_quota_of_nothing(store: Clocked) -> None:
    assert store.spend(limits(daily_quota=0)).refused_by.wait is None


def test_cost_is_charged_to_quotas_or_not_at_all(store: Clocked) -> None:
    pool = limits(daily_quota=10)

    assert store.spend(pool, 7).admitted
    assert not store.spend(pool, 4).admitted
    assert store.spend(pool, 3).admitted
    assert store.spend(pool, 0).standings[1].remaining == 0


def test_lowered_quota_refuses_and_a_raised_one_admits(store: Clocked) -> None:
    pool = limits(daily_quota=10)
    store.admitted_of(8, pool)

    assert not store.spend(Limits(pool.pool_id, pool.rate, daily_quota=5)).admitted
    assert store.admitted_of(9, Limits(pool.pool_id, pool.rate, daily_quota=12)) == 4


@pytest.mark.parametrize("name", ["daily_quota", "monthly_quota"])
def test_clock_that_is_set_back_over_midnight_begins_no_day_again(store: Clocked, name: str) -> None:
    quotas: dict[str, Any] = {name: 3}
    pool = limits(**quotas)
    store.move_to(int(datetime(2026, 2, 1, tzinfo=UTC).timestamp()) * SECOND)
    admitted = store.admitted_of(9, pool)
    for _ in range(3):
        store.pass_by(-MILLISECOND)
        admitted += store.admitted_of(9, pool)
        store.pass_by(MILLISECOND)
        admitted += store.admitted_of(9, pool)

    assert admitted == 3


def jump(store: Clocked, pool: Limits, microseconds: int) -> None:
    """And let the bucket fill up again, which a clock that is set back leaves empty."""
    store.pass_by(microseconds)
    store.spend(pool)
    store.pass_by(SECOND)


@pytest.mark.parametrize("name", ["daily_quota", "monthly_quota"])
@pytest.mark.parametrize("days", [1, 2, 45, 400])
def test_clock_that_jumps_ahead_and_comes_back_forgets_nothing(store: Clocked, name: str, days: int) -> None:
    quotas: dict[str, Any] = {name: 5}
    pool = limits("1000000/s", **quotas)
    assert store.admitted_of(9, pool) == 5

    for _ in range(3):
        jump(store, pool, days * DAY)
        jump(store, pool, -days * DAY)
        assert store.admitted_of(9, pool) == 0

    jump(store, pool, DAY if name == "daily_quota" else 31 * DAY)
    assert store.admitted_of(9, pool) <= 4
    jump(store, pool, 2 * DAY if name == "daily_quota" else 62 * DAY)
    assert store.admitted_of(9, pool) == 4, "later ones begin anew"


def test_what_was_used_while_the_clock_was_ahead_counts_when_it_is_back(store: Clocked) -> None:
    pool = limits("1000000/s", daily_quota=5)
    store.pass_by(3 * DAY)
    assert store.admitted_of(2, pool) == 2

    jump(store, pool, -3 * DAY)
    assert store.admitted_of(9, pool) == 3
    jump(store, pool, DAY)
    assert store.admitted_of(9, pool) == 4, "after the one of the jump"
