"""The migration that partitions the ledger keeps what is in it, both ways."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from tests.support.server import database_environment, manage

INSERT = """
INSERT INTO usage_event (time, request_id, key_id, owner, method, route, status, code, duration_us, request_bytes,
    response_bytes, client, units, count)
VALUES ('2026-03-10 12:30+00', 'a', '00000000-0000-0000-0000-000000000001', 'ann', 'GET', 'r', 200, '', 1000, 1, 2,
    '::1', 1, 1), ('2026-03-11 00:00+00', 'b', NULL, '', 'GET', 'r', 401, 'X', 0, 0, 5, '10.0.0.1', 0, 7)
"""


@pytest.fixture
def other(database: str, tmp_path: Path) -> Iterator[Any]:
    """Runs `manage.py migrate usage <name>` and statements in a database of its own."""
    import psycopg

    from mcp_project.database.initialise import connection_parameters

    variables = database_environment(database)
    assert manage(tmp_path, variables, "init_db").returncode == 0
    with psycopg.connect(**{**connection_parameters(), "dbname": database}, autocommit=True) as session:

        def migrate(name: str) -> None:
            done = manage(tmp_path, variables, "migrate", "usage", name)
            assert done.returncode == 0, done.stderr

        yield session, migrate


def test_events_stay_and_are_rolled_up_and_ids_go_on(other: Any, tmp_path: Path, database: str) -> None:
    session, migrate = other
    migrate("0002_count")
    session.execute(INSERT)
    session.execute("INSERT INTO usage_drainedjournal (name, \"offset\") VALUES ('half', 77)")

    migrate("0004_partitions")

    rows = session.execute("SELECT id, request_id, count, tableoid::regclass::text FROM usage_event ORDER BY id")
    assert rows.fetchall() == [(1, "a", 1, "usage_event_20260310"), (2, "b", 7, "usage_event_20260311")]
    sums = session.execute("SELECT sum(requests), sum(response_bytes) FROM usage_hourlyusage").fetchone()
    assert sums == (8, 37)
    assert session.execute('SELECT name, "offset" FROM usage_drainedjournal').fetchall() == [("half", 77)]
    assert manage(tmp_path, database_environment(database), "usage_reconcile").returncode == 0
    assert session.execute("SELECT nextval('usage_event_id_seq')").fetchone() == (3,)

    migrate("0002_count")

    assert session.execute("SELECT request_id, count FROM usage_event ORDER BY id").fetchall() == [("a", 1), ("b", 7)]
    session.execute(INSERT)
    assert session.execute("SELECT max(id), count(*) FROM usage_event").fetchone() == (4, 4)
    migrate("0004_partitions")


@pytest.mark.django_db
def test_series_of_events_from_before_are_those_that_the_service_writes() -> None:
    from usage.rollups import Key, series_id

    key = Key("00000000-0000-0000-0000-000000000001", "änn", "GET", "r", None, 200, "")
    executor = MigrationExecutor(connection)
    statement = vars(executor.loader.get_migration("usage", "0004_partitions").operations[1])["sql"]
    formula = statement.partition("SELECT ")[2].partition(" AS series_id")[0]
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {formula} FROM (VALUES (%s::uuid, %s, %s, %s, %s, %s))"  # noqa: S608
            " AS event (key_id, owner, method, route, status, code)",
            [key.key_id, key.owner, key.method, key.route, key.status, key.code],
        )
        assert cursor.fetchone()[0] == series_id(key)
