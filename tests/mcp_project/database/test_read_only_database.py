"""A database that takes no writes, on a real server with a PostgreSQL of its own."""

import os
from uuid import uuid4

import httpx
import pytest

from keys.crypto import KeyGenerator
from mcp_project.database.embedded_postgres import EmbeddedPostgres
from tests.support.limited_server import make_key, session
from tests.support.server import Server, until

pytestmark = pytest.mark.wire


def test_read_only_database_is_503_for_changes_and_unhealthy_and_recovers_by_itself(
    cluster: EmbeddedPostgres, served: Server
) -> None:
    with served.client(served.key) as admin:
        closed, opened, local = (
            make_key(admin, mode, on_outage=mode, permissions=["admin"])["key"] for mode in ("closed", "open", "local")
        )

    def change(key: str) -> httpx.Response:
        with served.client(key) as own:
            return own.post("/api/contexts", json={"name": uuid4().hex})

    def healthy() -> bool:
        return httpx.get(f"{served.url}/health", timeout=10).status_code == 200

    make_read_only(cluster, "on")
    until(lambda: not healthy(), "it is unhealthy")
    assert httpx.get(f"{served.url}/health", timeout=10).json()["checks"]["database"] == "read-only"
    assert outcome(change(closed)) == (503, "LIMITER_UNAVAILABLE")
    for key in (opened, local):
        assert outcome(change(key)) == (503, "DATABASE_UNAVAILABLE")
        with served.client(key) as own:
            assert own.get("/api/models").status_code == 200, "what only reads is served, as the key's mode says"
            again = own.post("/api/contexts", json={"name": "x"}, headers={"Idempotency-Key": "k"})
            assert outcome(again) == (503, "DATABASE_UNAVAILABLE")
    for _ in range(3):
        wrong = KeyGenerator().generate()[0]
        assert outcome(change(wrong)) == (401, "INVALID_API_KEY"), "each worker counts wrong keys for itself"

    make_read_only(cluster, "off", kick=False)
    until(lambda: change(closed).status_code == 201, "it has recovered by itself")
    until(healthy, "it is healthy")


def make_read_only(cluster: EmbeddedPostgres, value: str, kick: bool = True) -> None:
    """Set whether new sessions may write. With `kick`, the service's present sessions are ended."""
    with session(cluster, autocommit=True) as ours:
        ours.execute("SET default_transaction_read_only = off")
        ours.execute(f"ALTER DATABASE limits SET default_transaction_read_only = {value}")
        if kick:
            ours.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'mcp'")


def test_standby_is_503_and_unhealthy_until_it_is_promoted(cluster: EmbeddedPostgres, served: Server) -> None:
    with served.client(served.key) as client:
        opened = make_key(client, "open", on_outage="open", permissions=["admin"])["key"]
        assert client.get("/api/models").status_code == 200
    cluster.stop()
    signal_file = cluster.data_dir / "standby.signal"
    signal_file.touch()
    os.chown(signal_file, cluster.data_dir.stat().st_uid, -1)
    cluster._start()

    def change(key: str) -> httpx.Response:
        with served.client(key) as own:
            return own.post("/api/contexts", json={"name": uuid4().hex})

    def health() -> str:
        return str(httpx.get(f"{served.url}/health", timeout=10).json()["checks"]["database"])

    until(lambda: health() == "read-only", "it is unhealthy")
    # A standby has no unlogged tables, so the limiter has no counters there.
    with served.client(opened) as own:
        assert own.get("/api/models").status_code == 200, "what only reads is served, as the key's mode says"
    assert outcome(change(opened)) == (503, "DATABASE_UNAVAILABLE")
    assert outcome(change(served.key)) == (503, "LIMITER_UNAVAILABLE")
    assert outcome(change(KeyGenerator().generate()[0])) == (401, "INVALID_API_KEY")
    with session(cluster, autocommit=True) as ours:
        ours.execute("SELECT pg_promote()")

    until(lambda: change(served.key).status_code == 201, "it has recovered by itself")
    assert health() == "ok"


def outcome(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]
