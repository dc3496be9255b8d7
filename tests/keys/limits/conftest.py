"""The stores, as fixtures: tests of the contract run once for each."""

from collections.abc import Iterator

import pytest
from django.db import transaction

from keys.limits.stores.postgresql import PostgreSQLStore
from keys.limits.stores.redis import RedisStore
from tests.keys.limits.clocked import STORES, WITH_LOCAL, Clocked
from tests.redis_server import RedisServer


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, db: None) -> Iterator[Clocked]:
    with transaction.atomic():
        yield STORES[request.param](request)
        transaction.set_rollback(True)


@pytest.fixture(params=WITH_LOCAL)
def bucket_store(request: pytest.FixtureRequest, db: None) -> Iterator[Clocked]:
    """Those that keep buckets."""
    with transaction.atomic():
        yield WITH_LOCAL[request.param](request)
        transaction.set_rollback(True)


@pytest.fixture
def redis_store(db: None, redis_server: RedisServer) -> RedisStore:
    return RedisStore(redis_server.socket_url)


@pytest.fixture
def postgresql_store(db: None) -> PostgreSQLStore:
    return PostgreSQLStore()
