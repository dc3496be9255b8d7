"""A server with short time limits in the database, and sessions beside it that hold locks."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg

from mcp_project.database.embedded_postgres import EmbeddedPostgres
from tests.support.server import Server, embedded_environment

LIMITS = {"DATABASE_LOCK_TIMEOUT": "0.5", "DATABASE_STATEMENT_TIMEOUT": "3"}


@contextmanager
def serve(cluster: EmbeddedPostgres, folder: Path, **variables: str) -> Iterator[Server]:
    named = {**embedded_environment(), "DB_HOST": str(cluster.socket_dir), "DB_NAME": "limits"}
    with Server(folder, {**named, **LIMITS, **variables}) as server:
        yield server


def session(cluster: EmbeddedPostgres, **options: Any) -> "psycopg.Connection[tuple[Any, ...]]":
    return psycopg.connect(host=str(cluster.socket_dir), user="postgres", dbname="limits", **options)


def make_key(client: httpx.Client, name: str, **fields: Any) -> dict[str, Any]:
    body = {"owner": name, "name": name, "permissions": ["read", "write"], "rate_limit": "100000/m", **fields}
    made = client.post("/api/keys", json=body)
    assert made.status_code == 201, made.text
    answer: dict[str, Any] = made.json()
    return answer


def waiting(cluster: EmbeddedPostgres) -> int:
    """How many of the service's statements wait for a lock."""
    with session(cluster) as ours:
        row = ours.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone()
        return row[0] if row else 0
