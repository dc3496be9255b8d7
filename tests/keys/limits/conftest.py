"""The stores, as fixtures: tests of the contract run once for each."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction

from keys.limits.limiter import Limiter
from keys.limits.stores import Store
from keys.limits.stores.postgresql import PostgreSQLStore
from keys.limits.stores.redis import RedisStore
from tests.support.clocked_stores import STORES, WITH_LOCAL, Clocked
from tests.support.fake_store import Clock, FakeStore
from tests.support.redis_server import RedisServer


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, db: None) -> Iterator[Clocked]:
    with transaction.atomic():
        yield STORES[request.param](request)
        transaction.set_rollback(True)


@pytest.fixture(params=WITH_LOCAL)
def bucket_store(request: pytest.FixtureRequest, db: None) -> Iterator[Clocked]:
    """The stores that keep buckets."""
    with transaction.atomic():
        yield WITH_LOCAL[request.param](request)
        transaction.set_rollback(True)


@pytest.fixture
def redis_store(db: None, redis_server: RedisServer) -> RedisStore:
    return RedisStore(redis_server.socket_url)


@pytest.fixture
def postgresql_store(db: None) -> PostgreSQLStore:
    return PostgreSQLStore()


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
def fake_store(settings: Any) -> FakeStore:
    settings.APP_WORKERS = 1
    return FakeStore()


@pytest.fixture
def limiter(fake_store: Store, clock: Clock) -> Limiter:
    limiter = Limiter()
    limiter.store = fake_store
    return limiter
