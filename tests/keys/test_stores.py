"""The contract of the limiter's stores, held by each on a clock that the test sets."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from hashlib import sha1
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from keys.limits.decision import Decision, Limits
from keys.limits.rate import NANOSECONDS, Rate
from keys.limits.stores import Store, StoreAway
from keys.limits.stores.local import LocalStore
from keys.limits.stores.postgresql import PostgreSQLStore
from keys.limits.stores.redis import SCRIPT, RedisStore
from tests.redis_server import RedisServer

START = int(datetime(2026, 1, 31, 12, tzinfo=UTC).timestamp()) * 1_000_000
MILLION = 1_000_000
MILLISECOND, SECOND, MINUTE, HOUR, DAY = 1000, 1_000_000, 60_000_000, 3_600_000_000, 86_400_000_000

FAKE_CLOCK = """
CREATE SCHEMA fake;
CREATE FUNCTION fake.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS $$
    SELECT 'epoch'::timestamptz + current_setting('fake.now')::bigint * interval '1 microsecond'
$$;
SET LOCAL search_path = fake, pg_catalog, public;
"""


class Clocked:
    """A store whose clock stands where it is put."""

    def __init__(self, store: Store, set_clock: Callable[[int], None]) -> None:
        self.store = store
        self._set_clock = set_clock
        self.now = 0
        self.move_to(START)

    def move_to(self, microseconds: int) -> None:
        self.now = microseconds
        self._set_clock(microseconds)

    def pass_by(self, microseconds: int) -> None:
        self.move_to(self.now + microseconds)

    def spend(self, limits: Limits, cost: int = 1) -> Decision:
        return self.store.spend(limits, cost)

    def admitted_of(self, count: int, limits: Limits) -> int:
        return sum(self.spend(limits).admitted for _ in range(count))


def on_postgresql(_request: pytest.FixtureRequest) -> Clocked:
    with connection.cursor() as cursor:
        cursor.execute(FAKE_CLOCK)

    def set_clock(now: int) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('fake.now', %s, true)", [str(now)])

    return Clocked(PostgreSQLStore(), set_clock)


def on_redis(request: pytest.FixtureRequest) -> Clocked:
    server: RedisServer = request.getfixturevalue("redis_server")
    store = RedisStore(server.socket_url)
    clocked = SCRIPT.replace("redis.call('TIME')", "redis.call('HMGET', 'fake-clock', 's', 'us')")
    assert clocked != SCRIPT
    patch = request.getfixturevalue("monkeypatch")
    patch.setattr("keys.limits.stores.redis.SCRIPT", clocked)
    patch.setattr("keys.limits.stores.redis.SCRIPT_SHA", sha1(clocked.encode(), usedforsecurity=False).hexdigest())

    def set_clock(now: int) -> None:
        store.client.hset("fake-clock", mapping={"s": now // SECOND, "us": now % SECOND})

    return Clocked(store, set_clock)


def in_process(request: pytest.FixtureRequest) -> Clocked:
    request.getfixturevalue("settings").APP_WORKERS = 1
    patch = request.getfixturevalue("monkeypatch")
    store = LocalStore()
    patch.setattr("keys.limits.stores.local.time", store)
    patch.setattr("keys.memory.time", store)

    def set_clock(now: int) -> None:
        store.monotonic_ns = lambda: now * 1000  # type: ignore[attr-defined]
        store.monotonic = lambda: now / 1e6  # type: ignore[attr-defined]

    return Clocked(store, set_clock)


STORES = {"postgresql": on_postgresql, "redis": on_redis}


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, db: None) -> Iterator[Clocked]:
    with transaction.atomic():
        yield STORES[request.param](request)
        transaction.set_rollback(True)


@pytest.fixture(params=[*STORES, "local"])
def bucket_store(request: pytest.FixtureRequest, db: None) -> Iterator[Clocked]:
    """Those that keep buckets."""
    with transaction.atomic():
        yield {**STORES, "local": in_process}[request.param](request)
        transaction.set_rollback(True)


def limits(rate: str = "1000000/d", **quotas: Any) -> Limits:
    return Limits(uuid4(), Rate.parse(rate), **quotas)


# --- Buckets


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
    """The same as a plain token bucket, in the other direction: what is in it, refilled step by step."""

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


@hypothesis_settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
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


# --- Quotas


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


# --- What the two know of each other


def counts(pool: Limits) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT day_used, month_used FROM keys_quota WHERE pool_id = %s", [pool.pool_id])
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


@pytest.fixture
def both(request: pytest.FixtureRequest, db: None) -> tuple[RedisStore, PostgreSQLStore]:
    server: RedisServer = request.getfixturevalue("redis_server")
    return RedisStore(server.socket_url), PostgreSQLStore()


def test_quota_goes_on_from_postgresql_to_redis_and_back_and_forth(both: tuple[RedisStore, PostgreSQLStore]) -> None:
    redis, postgresql = both
    pool = limits(daily_quota=10, monthly_quota=100)
    spent = []
    for _ in range(3):
        spent += [postgresql.spend(pool, 1).day_used, postgresql.spend(pool, 1).day_used]
        redis = RedisStore(f"unix://{redis.client.connection_pool.connection_kwargs['path']}")  # a new process
        spent += [redis.spend(pool, 1).day_used, redis.spend(pool, 1).day_used]
        redis.write_quotas()

    assert spent == [*range(1, 11), 10, 10]
    assert counts(pool) == [(10, 10)]


def test_quota_survives_the_loss_of_redis(both: tuple[RedisStore, PostgreSQLStore]) -> None:
    redis, _ = both
    pool = limits(daily_quota=10)
    redis.spend(pool, 7)
    redis.write_quotas()
    redis.client.delete(f"mcp:limits:{pool.pool_id.hex}")

    assert redis.spend(pool, 1).day_used == 8
    assert not redis.spend(pool, 3).admitted


def test_pool_that_is_charged_while_it_is_written_is_written_again(both: tuple[RedisStore, PostgreSQLStore]) -> None:
    redis, _ = both
    pool = limits(daily_quota=10)
    redis.spend(pool, 1)
    write, done = redis._write, redis._done

    def charged_meanwhile(**call: Any) -> Any:
        redis._done = done
        redis.spend(pool, 1)
        return done(**call)

    redis._done = charged_meanwhile  # type: ignore[assignment]
    write([pool.pool_id.hex])
    assert counts(pool) == [(1, 1)]
    redis.write_quotas()
    assert counts(pool) == [(2, 2)]
    assert not redis.client.sismember("mcp:quotas-changed", pool.pool_id.hex)


def test_late_writer_does_not_take_back_what_was_counted_since(both: tuple[RedisStore, PostgreSQLStore]) -> None:
    redis, postgresql = both
    pool = limits(daily_quota=10)
    redis.spend(pool, 2)
    postgresql.spend(pool, 5)

    redis.write_quotas()

    assert counts(pool) == [(5, 5)]


def test_keys_without_a_quota_leave_no_count(both: tuple[RedisStore, PostgreSQLStore]) -> None:
    redis, postgresql = both
    pool = limits()
    redis.spend(pool, 1)
    postgresql.spend(pool, 1)
    redis.write_quotas()

    assert counts(pool) == []
    assert redis.client.hget(f"mcp:limits:{pool.pool_id.hex}", "day") is None


def test_counters_in_redis_end_when_they_say_nothing_any_more(both: tuple[RedisStore, PostgreSQLStore]) -> None:
    redis, _ = both
    quick, counted = limits("10/s"), limits("10/s", monthly_quota=5)
    for pool in (quick, counted):
        redis.spend(pool, 1)

    assert 1 <= redis.client.ttl(f"mcp:limits:{quick.pool_id.hex}") <= 2
    assert redis.client.ttl(f"mcp:limits:{counted.pool_id.hex}") >= 31 * 86400


def test_statement_that_the_connection_has_forgotten_is_prepared_again(db: None) -> None:
    store, pool = PostgreSQLStore(), limits()
    store.spend(pool, 1)
    with connection.cursor() as cursor:
        cursor.execute("DEALLOCATE ALL")  # as some poolers do between two clients

    with pytest.raises(StoreAway, match="keys_spend"), transaction.atomic():
        store.spend(pool, 1)
    assert store.spend(pool, 1).admitted
