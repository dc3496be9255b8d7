"""Actors, keys and servers for the tests. In-process tests use `owner`, `teammate`, `outsider` and `admin`, each a
client with a key of its own; tests of processes use `server`, a real one with several workers."""

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import psycopg
import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from psycopg import sql

from keys.authentication import known_keys, wrong_keys
from keys.limits.failures import blocked
from keys.limits.limiter import limiter
from keys.limits.stores import StoreAway, postgresql
from keys.models import APIKey
from keys.services import create_key
from mcp_project.database.embedded_postgres import EmbeddedPostgres
from mcp_project.database.initialise import connection_parameters
from tests.redis_server import RedisServer
from tests.server import Server, database_environment
from usage.drain import drain
from usage.journal import journal

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Response

logging.getLogger("httpx").setLevel(logging.WARNING)


class Api:
    """A test client that sends one key with each request, and JSON."""

    def __init__(self, key: str | None = None, row: APIKey | None = None) -> None:
        self.key = key
        self._row = row
        self._client = Client(raise_request_exception=False)

    @property
    def row(self) -> APIKey:
        assert self._row is not None
        return self._row

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> "Response":
        sent = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        content_type = sent.pop("Content-Type", "application/json")
        return self._client.generic(method, path, data, content_type, headers=sent)

    def get(self, path: str, **headers: str) -> "Response":
        return self("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> "Response":
        return self("POST", path, body, **headers)

    def delete(self, path: str, **headers: str) -> "Response":
        return self("DELETE", path, **headers)


def api(owner: str, *permissions: str, **fields: Any) -> Api:
    row, key = create_key("test", owner=owner, name=f"{owner}'s key", permissions=list(permissions), **fields)
    return Api(key, row)


@pytest.fixture(autouse=True)
def _own_journal_and_memory(tmp_path: Path, settings: Any) -> Iterator[None]:
    settings.USAGE_JOURNAL_DIR = tmp_path / "usage"
    yield
    journal.retire()
    journal.room = journal.failure = None
    journal.lost = 0
    limiter.__dict__.pop("store", None)
    limiter.__init__()  # type: ignore[misc]
    for memory in (known_keys, wrong_keys, blocked):
        memory.clear()


@pytest.fixture(autouse=True)
def _limiters_statement_counts_as_a_query(monkeypatch: pytest.MonkeyPatch) -> None:
    """It goes past Django, which would not log it."""
    execute = postgresql._execute

    def counted(*call: Any) -> bytes:
        connection.queries_log.append({"sql": postgresql.SPEND.decode(), "time": "0"})
        return execute(*call)

    monkeypatch.setattr(postgresql, "_execute", counted)


@pytest.fixture
def admin(db: None) -> Api:
    return api("platform", "admin")


@pytest.fixture
def owner(db: None) -> Api:
    return api("owner", "read", "write")


@pytest.fixture
def teammate(db: None) -> Api:
    return api("teammate", "read")


@pytest.fixture
def outsider() -> Api:
    """Someone without a key."""
    return Api()


@pytest.fixture
def staff(db: None) -> Client:
    """A browser in which a superuser has logged in to the admin."""
    client = Client()
    client.force_login(User.objects.create_superuser("staff", password="not shown"))
    return client


@pytest.fixture
def lose_counters(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From the call on, the limiter's store is away."""

    def fail(*_: Any) -> None:
        raise StoreAway("connection refused by 10.0.0.1")

    return lambda: monkeypatch.setattr(limiter.store, "spend", fail)


def drain_own_journal() -> None:
    """What the flusher thread does in a served process, when that ends."""
    path = journal.path
    if path is not None:
        journal.retire()
        drain(path)


@contextmanager
def new_database(blocker: Any) -> Iterator[str]:
    """The name of a database that does not exist yet, on the tests' PostgreSQL; dropped afterwards."""
    with blocker.unblock():
        parameters = {**connection_parameters(), "dbname": "postgres"}  # starts the embedded server, where that is used
    name = f"mcp_test_{uuid4().hex[:12]}"
    yield name
    with psycopg.connect(**parameters, autocommit=True) as session:
        session.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def database(django_db_setup: None, django_db_blocker: Any) -> Iterator[str]:
    with new_database(django_db_blocker) as name:
        yield name


@pytest.fixture(scope="module")
def module_database(django_db_setup: None, django_db_blocker: Any) -> Iterator[str]:
    with new_database(django_db_blocker) as name:
        yield name


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """One that all tests share: each uses pools of its own. It stays up; a test that stops one starts its own."""
    with RedisServer() as running:
        yield running


@pytest.fixture
def server(database: str, tmp_path: Path) -> Iterator[Server]:
    """A server of its own, with two workers and an empty database."""
    with Server(tmp_path, database_environment(database)) as running:
        yield running


@pytest.fixture
def patient_server(database: str, tmp_path: Path) -> Iterator[Server]:
    """As `server`, with threads for many requests that wait for locks, each for as long as a test needs."""
    variables = {**database_environment(database), "DATABASE_LOCK_TIMEOUT": "30", "DATABASE_STATEMENT_TIMEOUT": "60"}
    with Server(tmp_path, {**variables, "APP_THREADS": "15"}) as running:
        yield running


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL of the test's own, to stop and start."""
    cluster = EmbeddedPostgres(tmp_path / "postgres")
    cluster.start()
    yield cluster
    cluster.release()
