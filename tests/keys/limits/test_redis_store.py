"""The store in Redis: what it and PostgreSQL know of each other, and its connections."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import OperationalError, connection

from keys.limits.decision import Limits
from keys.limits.stores import StoreAway
from keys.limits.stores.postgresql import PostgreSQLStore
from keys.limits.stores.redis import RedisStore
from tests.support.clocked_stores import (
    limits,
)


def counts(pool: Limits) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT day_used, month_used FROM keys_quota WHERE pool_id = %s", [pool.pool_id])
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def test_quota_goes_on_from_postgresql_to_redis_and_back_and_forth(
    redis_store: RedisStore, postgresql_store: PostgreSQLStore
) -> None:
    pool = limits(daily_quota=10, monthly_quota=100)
    spent = []
    for _ in range(3):
        spent += [postgresql_store.spend(pool, 1).day_used, postgresql_store.spend(pool, 1).day_used]
        redis_store = RedisStore(
            f"unix://{redis_store.client.connection_pool.connection_kwargs['path']}"
        )  # a new process
        spent += [redis_store.spend(pool, 1).day_used, redis_store.spend(pool, 1).day_used]
        redis_store.write_quotas()

    assert spent == [*range(1, 11), 10, 10]
    assert counts(pool) == [(10, 10)]


def test_quota_survives_the_loss_of_redis(redis_store: RedisStore) -> None:
    pool = limits(daily_quota=10)
    redis_store.spend(pool, 7)
    redis_store.write_quotas()
    redis_store.client.delete(f"mcp:limits:{pool.pool_id.hex}")

    assert redis_store.spend(pool, 1).day_used == 8
    assert not redis_store.spend(pool, 3).admitted


def test_pool_that_is_charged_while_it_is_written_is_written_again(redis_store: RedisStore) -> None:
    pool = limits(daily_quota=10)
    redis_store.spend(pool, 1)
    write, done = redis_store._write, redis_store._done

    def charged_meanwhile(**call: Any) -> Any:
        redis_store._done = done
        redis_store.spend(pool, 1)
        return done(**call)

    redis_store._done = charged_meanwhile  # type: ignore[assignment]
    write([pool.pool_id.hex])
    assert counts(pool) == [(1, 1)]
    redis_store.write_quotas()
    assert counts(pool) == [(2, 2)]
    assert not redis_store.client.sismember("mcp:quotas-changed", pool.pool_id.hex)


def test_late_writer_does_not_take_back_what_was_counted_since(
    redis_store: RedisStore, postgresql_store: PostgreSQLStore
) -> None:
    pool = limits(daily_quota=10)
    redis_store.spend(pool, 2)
    postgresql_store.spend(pool, 5)

    redis_store.write_quotas()

    assert counts(pool) == [(5, 5)]


def test_keys_without_a_quota_leave_no_count(redis_store: RedisStore, postgresql_store: PostgreSQLStore) -> None:
    pool = limits()
    redis_store.spend(pool, 1)
    postgresql_store.spend(pool, 1)
    redis_store.write_quotas()

    assert counts(pool) == []
    assert redis_store.client.hget(f"mcp:limits:{pool.pool_id.hex}", "day") is None


def test_counters_in_redis_end_when_they_say_nothing_any_more(redis_store: RedisStore) -> None:
    quick, counted = limits("10/s"), limits("10/s", monthly_quota=5)
    for pool in (quick, counted):
        redis_store.spend(pool, 1)

    assert 1 <= redis_store.client.ttl(f"mcp:limits:{quick.pool_id.hex}") <= 2
    assert redis_store.client.ttl(f"mcp:limits:{counted.pool_id.hex}") >= 31 * 86400


def hang_up(store: RedisStore) -> None:
    """Close the connection, as Redis does with idle ones and when it ends."""
    own = store._sessions.connection
    own.send_command("CLIENT", "ID")
    store.client.client_kill_filter(_id=own.read_response())


def test_idle_connection_that_redis_has_closed_is_made_again(redis_store: RedisStore) -> None:
    pool = limits()
    redis_store.spend(pool, 1)
    hang_up(redis_store)
    redis_store._sessions.used = 0.0  # long ago

    assert redis_store.spend(pool, 0).standings[0].remaining == pool.rate.limit - 1


def test_busy_connection_that_redis_closes_is_told_of_once_to_all_threads(redis_store: RedisStore) -> None:
    pool = limits()
    with ThreadPoolExecutor(1) as other:
        for thread in (redis_store.spend, other.submit):
            thread(*((pool, 1) if thread == redis_store.spend else (redis_store.spend, pool, 1)))
        own = redis_store._sessions.connection
        hang_up(redis_store)
        other.submit(hang_up, redis_store).result()

        with pytest.raises(StoreAway):
            redis_store.spend(pool, 1)
        assert other.submit(redis_store.spend, pool, 1).result().admitted, "it has heard, and connects anew"
    assert own is redis_store._sessions.connection


def test_redis_that_comes_back_with_what_it_knew_before_is_told_again(redis_store: RedisStore) -> None:
    pool = limits(daily_quota=10)
    row = f"mcp:limits:{pool.pool_id.hex}"
    redis_store.spend(pool, 2)
    snapshot = redis_store.client.dump(row) or b""
    redis_store.spend(pool, 8)
    redis_store.write_quotas()

    redis_store.client.restore(row, 0, snapshot, replace=True)
    hang_up(redis_store)
    with pytest.raises(StoreAway):
        redis_store.spend(pool, 1)

    assert not redis_store.spend(pool, 1).admitted


def test_count_that_is_the_same_in_a_new_month_is_written_too(redis_store: RedisStore) -> None:
    pool = limits(daily_quota=10)
    row = f"mcp:limits:{pool.pool_id.hex}"
    redis_store.spend(pool, 1)
    done = redis_store._done

    def month_begins(**call: Any) -> Any:
        redis_store.client.hset(row, mapping={"month": 99999})
        return done(**call)

    redis_store._done = month_begins  # type: ignore[assignment]
    redis_store._write([pool.pool_id.hex])

    assert redis_store.client.sismember("mcp:quotas-changed", pool.pool_id.hex)


def test_postgresql_that_is_away_is_no_outage_of_redis(
    redis_store: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_pool: object) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr("keys.limits.stores.redis.known_to_postgresql", fail)

    with pytest.raises(StoreAway) as away:
        redis_store.spend(limits(daily_quota=1), 1)
    assert not away.value.lost
    assert redis_store.spend(limits(), 1).admitted


def test_full_redis_does_not_pass_for_a_healthy_one(redis_store: RedisStore) -> None:
    assert redis_store.answers()

    redis_store.client.config_set("maxmemory", 1)
    try:
        assert not redis_store.answers()
    finally:
        redis_store.client.config_set("maxmemory", 0)


def test_threads_come_and_go(redis_store: RedisStore) -> None:
    """redis-py counts a hundred connections of a pool and then refuses, whatever became of them."""
    pool = limits()
    for _ in range(15):
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda _: redis_store.spend(pool, 1), range(8)))
    many = [ThreadPoolExecutor(1) for _ in range(110)]
    answers = [thread.submit(redis_store.spend, pool, 1) for thread in many]

    assert all(answer.result().admitted for answer in answers)
    for thread in many:
        thread.shutdown()
