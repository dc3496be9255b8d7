"""Statements and waits for locks end within their time limits, on a real server with a PostgreSQL of its own."""

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from mcp_project.database.embedded_postgres import EmbeddedPostgres
from tests.support.limited_server import make_key, serve, session, waiting
from tests.support.server import Server, at_once, until

pytestmark = pytest.mark.wire


def test_service_holds_its_connections_to_the_limits(cluster: EmbeddedPostgres, served: Server) -> None:
    with session(cluster) as ours:
        rows = ours.execute("SELECT name, setting, source FROM pg_settings WHERE source = 'database user'").fetchall()

    found = {name: setting for name, setting, _ in rows}
    assert found["lock_timeout"] == "500"
    assert found["statement_timeout"] == "3000"
    assert {"idle_in_transaction_session_timeout", "tcp_user_timeout", "client_connection_check_interval"} <= set(found)
    assert found["default_transaction_isolation"] == "read committed"


def test_changes_of_a_held_row_get_503_and_others_are_answered(cluster: EmbeddedPostgres, served: Server) -> None:
    with served.client(served.key) as client:
        key = make_key(client, "writer")["key"]
        assert client.post("/api/models", json={"name": "held"}).status_code == 201

    def change() -> httpx.Response:
        with served.client(key) as own:
            return own.patch("/api/models/held", json={"description": "x"}, headers={"If-Match": "*"})

    def read() -> httpx.Response:
        with served.client(key) as own:
            return own.get("/api/models")

    with session(cluster) as holder, ThreadPoolExecutor(52) as pool:
        holder.execute("SELECT 1 FROM registry_registeredmodel FOR UPDATE")
        changes = [pool.submit(change) for _ in range(40)]
        until(lambda: waiting(cluster), "changes wait for the row")
        reads = [pool.submit(read) for _ in range(12)]
        assert [answer.result().status_code for answer in reads] == [200] * 12
        assert httpx.get(f"{served.url}/health", timeout=10).status_code == 200
        answers = [answer.result() for answer in changes]

    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(503, "DATABASE_BUSY")}
    assert all(answer.headers["Retry-After"] == "1" for answer in answers)
    assert change().status_code == 200, "the row is free again"
    assert served.said().count('"database_busy"') < 20, "a line in ten seconds for each worker, not one a request"


def test_reads_do_not_wait_behind_changes_of_a_held_row(cluster: EmbeddedPostgres, tmp_path: Path) -> None:
    patient = {"DATABASE_LOCK_TIMEOUT": "0", "DATABASE_STATEMENT_TIMEOUT": "0"}
    with serve(cluster, tmp_path, **patient) as served, served.client(served.key) as client:
        assert client.post("/api/models", json={"name": "held"}).status_code == 201

        def change() -> int:
            with served.client(served.key) as own:
                return own.patch("/api/models/held", json={"tags": {}}, headers={"If-Match": "*"}).status_code

        with session(cluster) as holder, ThreadPoolExecutor(40) as pool:
            holder.execute("SELECT 1 FROM registry_registeredmodel FOR UPDATE")
            changes = [pool.submit(change) for _ in range(40)]
            until(lambda: waiting(cluster) > 2, "changes wait in both workers")

            for _ in range(12):
                with served.client(served.key) as other:  # a connection of its own, to either worker
                    assert other.get("/api/models/held").status_code == 200
            assert not any(change.done() for change in changes)

            holder.rollback()
            assert {change.result() for change in changes} == {200}


def test_health_tells_of_statements_that_wait_for_a_lock(cluster: EmbeddedPostgres, tmp_path: Path) -> None:
    patient = {"DATABASE_LOCK_TIMEOUT": "0", "DATABASE_STATEMENT_TIMEOUT": "30"}
    with serve(cluster, tmp_path, **patient) as served, served.client(served.key) as client:
        assert client.post("/api/models", json={"name": "held"}).status_code == 201
        with session(cluster) as holder, ThreadPoolExecutor(1) as pool:
            holder.execute("SELECT 1 FROM registry_registeredmodel FOR UPDATE")
            change = pool.submit(client.patch, "/api/models/held", json={"tags": {}}, headers={"If-Match": "*"})

            def said() -> str:
                answer = httpx.get(f"{served.url}/health", timeout=10)
                assert answer.status_code == 200, "only what needs the row is held up"
                return str(answer.json()["checks"]["database"])

            until(lambda: said() == "ok: statements that wait for a lock: 1", "it is told")
            holder.rollback()
            assert change.result().status_code == 200
        until(lambda: said() == "ok", "nobody waits any more")


def test_held_bucket_holds_up_its_own_key_alone(cluster: EmbeddedPostgres, served: Server) -> None:
    with served.client(served.key) as client:
        held, other = make_key(client, "held"), make_key(client, "other")

    def read(key: str) -> httpx.Response:
        with served.client(key) as own:
            return own.get("/api/models")

    assert {read(held["key"]).status_code, read(other["key"]).status_code} == {200}
    with session(cluster) as holder:
        holder.execute(
            "SELECT 1 FROM keys_bucket WHERE pool_id = (SELECT pool_id FROM keys_apikey WHERE id = %s) FOR UPDATE",
            [held["id"]],
        )
        with ThreadPoolExecutor(32) as pool:
            stuck = [pool.submit(read, held["key"]) for _ in range(20)]
            until(lambda: waiting(cluster), "requests wait for the bucket")
            assert [pool.submit(read, other["key"]).result().status_code for _ in range(12)] == [200] * 12
            answers = [answer.result() for answer in stuck]
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(503, "LIMITER_UNAVAILABLE")}
    until(lambda: read(held["key"]).status_code == 200, "the workers try the bucket again")


def test_statement_that_takes_too_long_is_ended(cluster: EmbeddedPostgres, tmp_path: Path) -> None:
    with (
        serve(cluster, tmp_path, DATABASE_LOCK_TIMEOUT="0", DATABASE_STATEMENT_TIMEOUT="1") as served,
        served.client(served.key) as client,
        session(cluster) as holder,
    ):
        assert client.get("/api/audit").status_code == 200
        holder.execute("LOCK TABLE audit_entry")  # which no background task reads

        answer = client.get("/api/audit")

        assert (answer.status_code, answer.json()["code"]) == (503, "DATABASE_TIMEOUT")
        assert answer.headers["Retry-After"] == "1"
        assert not waiting(cluster)


def test_statement_of_a_worker_that_was_killed_ends(cluster: EmbeddedPostgres, tmp_path: Path) -> None:
    patient = {"DATABASE_LOCK_TIMEOUT": "0", "DATABASE_STATEMENT_TIMEOUT": "600"}
    with serve(cluster, tmp_path, **patient) as served, served.client(served.key) as client:
        assert client.post("/api/models", json={"name": "held"}).status_code == 201
        with session(cluster) as holder, ThreadPoolExecutor(1) as pool:
            holder.execute("SELECT 1 FROM registry_registeredmodel FOR UPDATE")
            change = pool.submit(client.patch, "/api/models/held", json={"tags": {}}, headers={"If-Match": "*"})
            until(lambda: waiting(cluster), "the change waits for the row")

            for pid in served.both_workers():
                os.kill(pid, signal.SIGKILL)

            until(lambda: not waiting(cluster), "PostgreSQL has noticed that nobody wants to know")
            with pytest.raises(httpx.TransportError):
                change.result()


@pytest.mark.parametrize("embedded", [False, True], ids=["configured", "embedded"])
def test_frozen_server_gives_503_and_the_thread_back_and_all_is_well_when_it_goes_on(
    embedded: bool, cluster: EmbeddedPostgres, tmp_path: Path
) -> None:
    own = EmbeddedPostgres(tmp_path / "var" / "postgres") if embedded else cluster
    variables = {"DB_HOST": "", "DB_NAME": ""} if embedded else {}
    with serve(cluster, tmp_path, **variables) as served:
        key = served.key

        def read() -> httpx.Response:
            with served.client(key) as client:
                return client.get("/api/models")

        assert {answer.status_code for answer in at_once(16, read)} == {200}
        with frozen(own):
            answers = at_once(16, read)
            assert {answer.status_code for answer in answers} == {503}
            assert {answer.json()["code"] for answer in answers} <= {"DATABASE_UNAVAILABLE", "LIMITER_UNAVAILABLE"}
            assert httpx.get(f"{served.url}/health", timeout=10).status_code == 503
            assert {answer.status_code for answer in at_once(16, read)} == {503}, "and now at once: it is known"
        until(lambda: {answer.status_code for answer in at_once(16, read)} == {200}, "both workers have recovered")


@contextmanager
def frozen(cluster: EmbeddedPostgres) -> Iterator[None]:
    postmaster = int((cluster.data_dir / "postmaster.pid").read_text().splitlines()[0])
    children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
    pids = [postmaster, *map(int, children)]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
