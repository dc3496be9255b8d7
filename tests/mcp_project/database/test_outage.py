"""The database goes away under load, hangs, and comes back: a real server, and a PostgreSQL of its own."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import psycopg
import pytest

from mcp_project.database.embedded_postgres import EmbeddedPostgres
from tests.support.server import Server, embedded_environment, until

pytestmark = pytest.mark.wire


@pytest.fixture
def served(cluster: EmbeddedPostgres, tmp_path: Path) -> Iterator[Server]:
    variables = {**embedded_environment(), "DB_HOST": str(cluster.socket_dir), "DB_NAME": "outage"}
    with Server(tmp_path, variables) as server:
        yield server


def backends(cluster: EmbeddedPostgres) -> list[int]:
    with psycopg.connect(host=str(cluster.socket_dir), user="postgres", dbname="outage") as session:
        rows = session.execute("SELECT pid FROM pg_stat_activity WHERE datname = 'outage' AND application_name = 'mcp'")
        return [row[0] for row in rows]


def test_service_answers_503_and_recovers_and_its_books_balance(cluster: EmbeddedPostgres, served: Server) -> None:
    workers = served.both_workers()
    sent: list[str] = []

    def ask(client: httpx.Client, method: str = "GET", **options: object) -> httpx.Response:
        sent.append(f"outage-{len(sent)}")
        return client.request(method, "/api/models", headers={"X-Request-ID": sent[-1]}, **options)  # type: ignore[arg-type]

    with served.client(served.key) as client:
        assert ask(client).status_code == 200

        cluster.stop()
        for _ in range(6):
            refused = ask(client)
            assert refused.status_code == 503
            # The limiter's code while the key is remembered, then that of the key's own look-up.
            assert refused.json()["code"] in {"LIMITER_UNAVAILABLE", "DATABASE_UNAVAILABLE"}
            assert refused.headers["Retry-After"] == "1"
        assert client.get("/health").status_code == 503
        assert client.get("/health/live").status_code == 200
        missing = httpx.get(f"{served.url}/api/models", timeout=30)
        assert missing.status_code == 401, "what needs no database is answered without one"

        cluster._start()
        until(lambda: ask(client).status_code == 200, "the service has recovered")
        until(lambda: client.get("/health").status_code == 200, "the health check has recovered")
        assert ask(client, "POST", json={"name": "after"}).status_code == 201

        def recorded() -> list[str]:
            events = client.get("/api/usage/events?limit=1000").json()["results"]
            return [event["request_id"] for event in events if event["request_id"].startswith("outage-")]

        until(lambda: sorted(recorded()) == sorted(sent), "each answer is in the ledger once, those of the outage too")
    assert served.worker_pids() == workers, "no worker has died"
    assert served.said().count('"usage_drain_failing"') <= len(workers), "told once each, not once an attempt"


def test_health_answers_while_the_database_hangs_and_every_thread_waits_for_it(
    cluster: EmbeddedPostgres, served: Server
) -> None:
    def hang() -> None:
        with suppress(httpx.TransportError), served.client(served.key) as client:
            client.get("/api/models")

    stuck = [threading.Thread(target=hang) for _ in range(24)]  # three times as many as there are threads
    with served.client() as client:
        assert client.get("/health").status_code == 200
        postmaster = int((cluster.data_dir / "postmaster.pid").read_text().splitlines()[0])
        frozen = [*backends(cluster), postmaster]
        for pid in frozen:
            os.kill(pid, signal.SIGSTOP)
        try:
            for thread in stuck:
                thread.start()
            until(lambda: len(established(served)) >= len(stuck), "the server has accepted them all")
            for _ in range(4):
                answer = httpx.get(f"{served.url}/health", timeout=10)
                assert answer.status_code == 503
                assert answer.json()["checks"]["database"] in {"no answer", "unreachable"}
                assert httpx.get(f"{served.url}/health/live", timeout=10).status_code == 200
        finally:
            for pid in frozen:
                os.kill(pid, signal.SIGCONT)
        for thread in stuck:
            thread.join()
        until(lambda: client.get("/health").status_code == 200, "it has recovered")


@pytest.fixture
def served_by_one(cluster: EmbeddedPostgres, tmp_path: Path) -> Iterator[Server]:
    """One worker, so that its threads are known; with two, any may accept the connection."""
    variables = {**embedded_environment(), "DB_HOST": str(cluster.socket_dir), "DB_NAME": "outage"}
    with Server(tmp_path, {**variables, "APP_THREADS": "4"}, "--workers", "1") as server:
        yield server


def test_health_answers_while_every_thread_waits_for_a_lock(cluster: EmbeddedPostgres, served_by_one: Server) -> None:
    served = served_by_one

    def wait() -> None:
        with served.client(served.key) as client:
            client.post("/api/models", json={"name": "waits"})

    def waiting() -> int:
        with psycopg.connect(host=str(cluster.socket_dir), user="postgres", dbname="outage") as session:
            row = session.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone()
            return row[0] if row else 0

    stuck = [threading.Thread(target=wait) for _ in range(24)]
    with psycopg.connect(host=str(cluster.socket_dir), user="postgres", dbname="outage") as holder:
        holder.execute("LOCK TABLE registry_registeredmodel")
        for thread in stuck:
            thread.start()
        until(lambda: waiting() == 4, "each of the four threads waits")
        for _ in range(4):
            assert httpx.get(f"{served.url}/health/live", timeout=30).status_code == 200
            assert httpx.get(f"{served.url}/health", timeout=30).status_code == 200
            assert httpx.get(f"{served.url}/metrics", timeout=30).status_code == 200
    for thread in stuck:
        thread.join()


def established(server: Server) -> list[str]:
    """The connections of clients to the server, with the server's end."""
    port = f"{int(server.url.rpartition(':')[2]):04X}"
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return [row[1] for row in rows if row[1].endswith(f":{port}") and row[3] == "01"]
