"""The service behind PgBouncer in transaction mode. That limits are exact there, tests/keys/limits/test_exactness.py
shows."""

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from mcp_project.database.config import role_settings
from tests.support.pgbouncer import PgBouncer
from tests.support.server import Server, at_once, manage, until

pytestmark = pytest.mark.wire


@pytest.fixture
def pooler() -> Iterator[PgBouncer]:
    with PgBouncer(pool_size=2, query_wait_timeout=1) as running:
        yield running


@contextmanager
def serve(folder: Path, pooler: PgBouncer, database: str, **variables: str) -> Iterator[Server]:
    with Server(folder, {**pooler.variables(database), "DATABASE_LOCK_TIMEOUT": "0.5", **variables}) as server:
        yield server


def new_key(server: Server, **fields: Any) -> str:
    body = {"name": "n", "owner": "o", "permissions": ["read", "write"], "rate_limit": "100000/m", **fields}
    with server.client(server.key) as admin:
        made = admin.post("/api/keys", json=body)
    assert made.status_code == 201, made.text
    return str(made.json()["key"])


def test_each_request_is_done_once_and_recorded_once(tmp_path: Path, pooler: PgBouncer, database: str) -> None:
    with serve(tmp_path, pooler, database) as server:
        key = new_key(server)

        def work(number: int) -> list[int]:
            with server.client(key) as client:
                once = {"Idempotency-Key": f"make-{number % 4}"}
                made = client.post("/api/models", json={"name": f"m{number % 4}"}, headers=once)
                batch = client.post("/api/models:batch", json=[{"name": f"b{number}"}])
                version = client.post(f"/api/models/b{number}/versions", json={"source": "s3://b/m"})
                alias = client.put(f"/api/models/b{number}/aliases/champion", json={"version": 1})
                listed = client.get("/api/models", params={"filter": "name LIKE 'b%'"})
            return [answer.status_code for answer in (made, batch, version, alias, listed)]

        numbers = iter(range(16))
        answers = at_once(16, lambda: work(next(numbers)))

        with server.client(key) as client:
            for made, *others in answers:
                assert made == 201, "the first answer, repeated"
                assert others == [200, 201, 200, 200]
            assert len(client.get("/api/models").json()["results"]) == 4 + 16
            until(lambda: rows_of(client)[("model-batch", "POST")] == "16", "the report holds them all")
            assert client.get("/health").json()["status"] == "ok"
    assert "balance" in manage(tmp_path, pooler.variables(database), "usage_reconcile").stdout


def rows_of(client: httpx.Client) -> dict[tuple[str, str], str]:
    """The requests by route and method, from the export as CSV, which the database sends while it is read."""
    text = client.get("/api/usage", params={"group_by": "route,method", "format": "csv"}).text
    found = {(row["route"], row["method"]): row["requests"] for row in csv.DictReader(io.StringIO(text))}
    return {("model-batch", "POST"): "0", **found}


def test_time_limits_hold_and_no_session_is_left_changed(tmp_path: Path, pooler: PgBouncer, database: str) -> None:
    with serve(tmp_path, pooler, database) as server, server.client(new_key(server)) as client:
        assert client.post("/api/models", json={"name": "held"}).status_code == 201
        with pooler.connect(database) as holder:
            holder.execute("SELECT 1 FROM registry_registeredmodel FOR UPDATE")
            answer = client.patch("/api/models/held", json={"description": "x"}, headers={"If-Match": "*"})
        assert (answer.status_code, answer.json()["code"]) == (503, "DATABASE_BUSY")
        with pooler.connect(database) as session:
            query = "SELECT name, source FROM pg_settings WHERE name = ANY(%s)"
            sources = dict(session.execute(query, [[*role_settings()]]).fetchall())
            prepared = session.execute("SELECT count(*) FROM pg_prepared_statements").fetchone()
    assert sources.pop("TimeZone") in {"database user", "session"}, "which PgBouncer itself keeps apart"
    assert set(sources.values()) == {"database user"}
    assert prepared == (0,)


def test_pooler_without_a_connection_to_give_gives_503_and_no_key_more_than_its_limit(
    tmp_path: Path, pooler: PgBouncer, database: str
) -> None:
    with serve(tmp_path, pooler, database) as server:
        key = new_key(server, rate_limit="5/d")

        def statuses(count: int) -> list[int]:
            with server.client(key) as client:
                return [client.get("/api/models").status_code for _ in range(count)]

        assert statuses(3) == [200] * 3
        with pooler.connect(database) as first, pooler.connect(database) as second:
            for holder in (first, second):
                holder.execute("SELECT 1")  # begins a transaction, and so holds a connection
            assert statuses(3) == [503] * 3
        until(lambda: statuses(1) != [503], "it has recovered by itself")
        assert statuses(9).count(200) <= 2
        pooler.stop()
        until(lambda: statuses(3) == [503] * 3, "the workers, which remember key and refusal, have forgotten them")
        pooler.start()
        until(lambda: statuses(1) == [429], "it has recovered by itself, and the limit is used up")


def test_service_that_does_not_know_of_the_pooler_limits_to_the_unit(
    tmp_path: Path, pooler: PgBouncer, database: str
) -> None:
    """The prepared statement is missing, because the pooler gave another connection. For a key with the mode open, an
    error of the store would admit a request."""
    with serve(tmp_path, pooler, database, PGBOUNCER="") as server:
        key = new_key(server, rate_limit="50/d", on_outage="open")

        def statuses() -> list[int]:
            with server.client(key) as client:
                return [client.get("/api/models").status_code for _ in range(10)]

        found = [status for each in at_once(12, statuses) for status in each]

    assert (found.count(200), found.count(429)) == (50, 70)
