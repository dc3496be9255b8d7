"""The limiter's stores on a clock that the test sets: for the contract that each holds."""

from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha1
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection

from keys.limits.decision import Decision, Limits
from keys.limits.rate import Rate
from keys.limits.stores import Store
from keys.limits.stores.local import LocalStore
from keys.limits.stores.postgresql import PostgreSQLStore
from keys.limits.stores.redis import SCRIPT, RedisStore
from tests.support.redis_server import RedisServer

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
WITH_LOCAL = {**STORES, "local": in_process}


def limits(rate: str = "1000000/d", **quotas: Any) -> Limits:
    return Limits(uuid4(), Rate.parse(rate), **quotas)
