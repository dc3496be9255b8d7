"""A pool whose connections are all in use is not a database that cannot be reached."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from django.db import OperationalError, connection
from psycopg_pool import PoolTimeout

from keys.limits.stores import StoreAway
from keys.limits.stores.postgresql import PostgreSQLStore
from keys.principal import Principal
from mcp_project.database.postgresql.base import DatabaseWrapper
from mcp_project.errors import DatabaseBusy, DatabaseUnavailable
from mcp_project.http.errors import from_exception
from tests.support.api import api

pytestmark = pytest.mark.django_db


@pytest.fixture
def wrappers(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """Two threads' connections to the test database, out of a pool that has one."""
    monkeypatch.setattr(DatabaseWrapper, "_away", False)
    settings = deepcopy(connection.settings_dict)
    settings["OPTIONS"] = {**settings["OPTIONS"], "pool": {"min_size": 0, "max_size": 1, "timeout": 0.1}}
    settings["CONN_MAX_AGE"] = 0
    wrappers = [DatabaseWrapper(settings, "exhausted") for _ in range(2)]
    yield wrappers
    wrappers[0].close_pool()


def take(wrapper: Any) -> Any:
    """A connection out of the pool."""
    return wrapper.get_new_connection(wrapper.get_connection_params())


def test_request_that_gets_no_connection_is_busy_and_the_database_still_counts_as_reachable(
    wrappers: list[Any],
) -> None:
    first, second = wrappers
    session = take(first)

    with pytest.raises(OperationalError) as caught:
        second.ensure_connection()

    assert isinstance(caught.value.__cause__, PoolTimeout)
    assert isinstance(from_exception(caught.value), DatabaseBusy)
    first.pool.putconn(session)
    second.pool.putconn(take(second))  # the next one gets the connection


def test_database_that_cannot_be_reached_is_reported_as_such(
    wrappers: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = wrappers
    take(first)
    unreachable = {**second.get_connection_params(), "host": "127.0.0.1", "port": 1, "connect_timeout": 1}
    monkeypatch.setattr(second, "get_connection_params", lambda: unreachable)

    for _ in range(2):  # by the pool, and then at once
        with pytest.raises(OperationalError) as caught:
            second.ensure_connection()
        assert isinstance(from_exception(caught.value), DatabaseUnavailable)


def test_limiter_is_not_lost_for_other_requests(wrappers: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = wrappers
    limits = Principal.of(api("owner", "read").row).limits
    take(first)
    monkeypatch.setattr("keys.limits.stores.postgresql.connection", second)

    with pytest.raises(StoreAway) as caught:
        PostgreSQLStore().spend(limits, 1)

    assert not caught.value.lost
