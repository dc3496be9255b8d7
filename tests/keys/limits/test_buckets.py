"""The contract of the stores, on buckets."""

from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from keys.limits.decision import Limits
from keys.limits.rate import NANOSECONDS, Rate
from tests.support.clocked_stores import (
    DAY,
    MILLION,
    MILLISECOND,
    MINUTE,
    START,
    Clocked,
    limits,
)


def test_bucket_admits_its_limit_at_once_and_not_one_more(bucket_store: Clocked) -> None:
    assert bucket_store.admitted_of(150, limits("100/h")) == 100


@pytest.mark.parametrize("rate", ["7/s", "600/m", "1000000/s", "1/90d", "600/5m", "1000000000/d"])
def test_bucket_is_refilled_evenly_and_not_a_microsecond_early(bucket_store: Clocked, rate: str) -> None:
    pool = limits(rate)
    bucket_store.spend(pool, pool.rate.limit)
    refill = -(-pool.rate.emission // 1000)  # in microseconds, rounded up: what the clocks can tell apart

    assert not bucket_store.spend(pool).admitted
    bucket_store.pass_by(refill - 1)
    assert not bucket_store.spend(pool).admitted
    bucket_store.pass_by(1)
    assert bucket_store.spend(pool).admitted
    assert not bucket_store.spend(pool).admitted


def test_full_bucket_gets_no_fuller(bucket_store: Clocked) -> None:
    pool = limits("10/s")
    bucket_store.spend(pool)
    bucket_store.pass_by(DAY)

    assert bucket_store.admitted_of(20, pool) == 10


def test_refused_request_takes_nothing(bucket_store: Clocked) -> None:
    pool = limits("2/h")
    assert bucket_store.admitted_of(9, pool) == 2
    bucket_store.pass_by(30 * MINUTE)

    assert bucket_store.admitted_of(9, pool) == 1


def test_request_may_cost_more_than_one(bucket_store: Clocked) -> None:
    pool = limits("10/h")

    assert bucket_store.spend(pool, 7).admitted
    refused = bucket_store.spend(pool, 4)
    assert not refused.admitted
    assert refused.refused_by.wait == 6 * MINUTE * 1000, "one more is wanted, of ten an hour"
    assert bucket_store.spend(pool, 3).admitted


@pytest.mark.parametrize("cost", [11, 2**53])
def test_more_than_a_whole_bucket_is_never_admitted(bucket_store: Clocked, cost: int) -> None:
    pool = limits("10/h")

    refused = bucket_store.spend(pool, cost)

    assert (refused.admitted, refused.refused_by.wait) == (False, None)
    assert bucket_store.spend(pool, 10).admitted


def test_cost_of_nothing_only_asks(bucket_store: Clocked) -> None:
    pool = limits("2/h")

    assert [bucket_store.spend(pool, 0).standings[0].remaining for _ in range(5)] == [2] * 5
    bucket_store.spend(pool, 2)
    assert not bucket_store.spend(pool, 0).admitted


def test_raised_rate_does_not_keep_the_debt_of_the_old_one(bucket_store: Clocked) -> None:
    slow = limits("1/d")
    fast = Limits(slow.pool_id, Rate.parse("600/m"))
    bucket_store.spend(slow)

    told = bucket_store.spend(fast)

    assert (told.admitted, told.refused_by.wait) == (False, NANOSECONDS // 10)
    bucket_store.pass_by(100 * MILLISECOND)
    assert bucket_store.spend(fast).admitted


def test_clock_that_is_set_back_costs_at_most_a_whole_bucket(bucket_store: Clocked) -> None:
    pool = limits("10/m")
    bucket_store.spend(pool, 5)
    bucket_store.pass_by(-2 * DAY)

    assert not bucket_store.spend(pool).admitted
    bucket_store.pass_by(MINUTE)
    assert bucket_store.spend(pool, 10).admitted


def test_pools_have_buckets_and_quotas_of_their_own(store: Clocked) -> None:
    for pool in (limits("1/d", daily_quota=1), limits("1/d", daily_quota=1)):
        assert [store.spend(pool).admitted for _ in range(2)] == [True, False]


class ReferenceBucket:
    """A reference bucket: counts tokens, which are refilled step by step."""

    def __init__(self, rate: Rate) -> None:
        self.rate = rate
        self.room = rate.capacity
        self.then = START

    def spend(self, now: int, cost: int) -> tuple[bool, int]:
        self.room = min(self.rate.capacity, self.room + (now - self.then) * 1000)
        self.then = now
        admitted = self.room >= max(cost, 1) * self.rate.emission
        if admitted:
            self.room -= cost * self.rate.emission
        return admitted, self.rate.capacity - self.room


@st.composite
def rates(draw: st.DrawFn) -> Rate:
    period = draw(st.sampled_from([1, 60, 300, 3600, 86400, 90 * 86400]))
    return Rate(draw(st.integers(1, min(50, 1_000_000 * period)) | st.integers(1, 10**6)), period)


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rate=rates(),
    steps=st.lists(
        st.tuples(st.integers(0, 10) | st.integers(900, 1100) | st.integers(0, 5000), st.integers(0, 60)), max_size=25
    ),
)
def test_any_sequence_of_times_and_costs_is_decided_as_by_the_reference(
    bucket_store: Clocked, rate: Rate, steps: list[tuple[int, int]]
) -> None:
    pool, reference = Limits(uuid4(), rate), ReferenceBucket(rate)
    bucket_store.move_to(START)
    for wait, cost in steps:
        bucket_store.pass_by(wait * max(1, rate.emission // MILLION))  # about a thousandth of a request's refill
        decision = bucket_store.spend(pool, cost)
        assert (decision.admitted, decision.ahead) == reference.spend(bucket_store.now, cost)
