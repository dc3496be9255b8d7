"""The store in PostgreSQL, and the connection that it takes from the pool with its own statement."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import psycopg
import pytest
from django.db import DataError, OperationalError, connection, transaction

from keys.limits.stores import StoreAway
from keys.limits.stores.postgresql import PostgreSQLStore
from mcp_project.database.postgresql.base import DatabaseWrapper
from tests.support.clocked_stores import (
    limits,
)


def test_statement_that_the_connection_has_forgotten_is_prepared_again(db: None) -> None:
    store, pool = PostgreSQLStore(), limits()
    store.spend(pool, 1)
    with connection.cursor() as cursor:
        cursor.execute("DEALLOCATE ALL")  # as some poolers do between two clients

    with pytest.raises(StoreAway, match="keys_spend"), transaction.atomic():
        store.spend(pool, 1)
    assert store.spend(pool, 1).admitted


def on_a_new_connection(act: Callable[[Any], Any]) -> Any:
    """Run in a thread of its own, which has no connection yet."""

    def run() -> Any:
        try:
            return cast(DatabaseWrapper, connection).act_at_once(act)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(run).result()


def test_act_on_a_dead_connection_is_done_on_another(db: None) -> None:
    sessions: list[Any] = []

    def act(session: Any) -> int:
        sessions.append(session)
        if len(sessions) == 1:
            session.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        return int(session.execute("SELECT 7").fetchone()[0])

    assert on_a_new_connection(act) == 7
    assert len(set(map(id, sessions))) == 2


def test_act_that_fails_on_a_connection_that_is_well_is_done_once(db: None) -> None:
    tried: list[Any] = []

    def act(session: Any) -> None:
        tried.append(session)
        session.execute("SELECT 1 / 0")

    with pytest.raises(DataError, match="zero"):
        on_a_new_connection(act)
    assert len(tried) == 1


def test_act_on_a_connection_that_there_is_raises_djangos_errors(db: None) -> None:
    def act(_session: Any) -> None:
        raise psycopg.OperationalError("no connection to the server")

    with pytest.raises(OperationalError):
        cast(DatabaseWrapper, connection).act_at_once(act)


@pytest.mark.parametrize(
    ("error", "lost"),
    [
        (psycopg.errors.LockNotAvailable, False),
        (psycopg.errors.QueryCanceled, False),
        (psycopg.errors.AdminShutdown, True),
        (psycopg.errors.UndefinedFunction, True),
        (psycopg.OperationalError, True),
    ],
)
def test_what_concerns_one_request_is_no_outage(
    postgresql_store: PostgreSQLStore, monkeypatch: pytest.MonkeyPatch, error: type[psycopg.Error], lost: bool
) -> None:
    def fail(*_: object) -> bytes:
        raise error("it failed")

    monkeypatch.setattr("keys.limits.stores.postgresql._execute", fail)

    with pytest.raises(StoreAway) as away:
        postgresql_store.spend(limits(), 1)
    assert away.value.lost == lost


def test_one_dead_connection_is_told_of_all_in_the_pool(db: None) -> None:
    """As after a restart of the database; the pool itself waits longer and longer between dead connections."""
    together = threading.Barrier(4)

    def connect() -> int:
        def pid(session: Any) -> int:
            return int(session.execute("SELECT pg_backend_pid()").fetchone()[0])

        found: int = cast(DatabaseWrapper, connection).act_at_once(pid)
        together.wait()
        connection.close()
        return found

    with ThreadPoolExecutor(4) as pool:
        pids = [future.result() for future in [pool.submit(connect) for _ in range(4)]]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pid, 5000) FROM unnest(%s) AS pid", [pids])
    tried: list[Any] = []

    def act(session: Any) -> int:
        tried.append(session)
        return int(session.execute("SELECT 7").fetchone()[0])

    assert on_a_new_connection(act) == 7
    assert len(tried) <= 2
