"""Actors, keys and servers for the tests. In-process tests use `owner`, `teammate`, `outsider` and `admin`, each a
client with a key of its own; tests of processes use `server`, a real one with several workers."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from whitenoise.middleware import WhiteNoiseMiddleware

from keys.authentication import known_keys, wrong_keys
from keys.limits.failures import blocked
from keys.limits.limiter import Limiter, limiter
from keys.limits.stores import StoreAway, postgresql
from mcp_project.database.embedded_postgres import EmbeddedPostgres
from tests.support import databases
from tests.support.api import Api, api
from tests.support.clocked_stores import FAKE_CLOCK
from tests.support.redis_server import RedisServer
from tests.support.server import Server, database_environment, database_of
from usage.journal import journal

# CI may be slow at any moment, which is no fault of an example. `make test-fuzz` chooses the second.
# A loaded machine is slow at making examples, which says nothing about the code.
SLOW_IS_FINE = [hypothesis.HealthCheck.too_slow]
hypothesis.settings.register_profile(
    "core", deadline=None, derandomize=True, max_examples=50, suppress_health_check=SLOW_IS_FINE
)
hypothesis.settings.register_profile("fuzz", deadline=None, max_examples=1000, suppress_health_check=SLOW_IS_FINE)
hypothesis.settings.load_profile("core")
logging.getLogger("httpx").setLevel(logging.WARNING)


@pytest.fixture(autouse=True)
def _fresh_process(tmp_path: Path, settings: Any) -> Iterator[None]:
    """Each test has a journal of its own, and the process remembers nothing of the test before."""
    settings.USAGE_JOURNAL_DIR = tmp_path / "usage"
    yield
    journal.retire()
    journal.bytes_left, journal.failure, journal.lost = None, None, 0
    vars(limiter).pop("store", None)
    Limiter.__init__(limiter)
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


@pytest.fixture(scope="session", autouse=True)
def _static_files_are_found_once() -> Iterator[None]:
    """Each Django test client makes the middlewares anew, and WhiteNoise's looks at 240 files then."""
    find = WhiteNoiseMiddleware.add_files_from_finders
    found: dict[str, Any] = {}

    def add(middleware: WhiteNoiseMiddleware) -> None:
        if not found:
            find(middleware)
            found.update(middleware.files)
        middleware.files.update(found)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WhiteNoiseMiddleware, "add_files_from_finders", add)
        yield


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
def stopped_clock(db: None) -> None:
    """The limiter's clock in PostgreSQL stands still: no bucket refills between two requests, and no day ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint")
        [now] = cursor.fetchone()
        cursor.execute(FAKE_CLOCK)
        cursor.execute("SELECT set_config('fake.now', %s, true)", [str(now)])


@pytest.fixture
def lose_counters(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """A function after whose call the limiter's store is unavailable."""

    def fail(*_: Any) -> None:
        raise StoreAway("connection refused by 10.0.0.1")

    return lambda: monkeypatch.setattr(limiter.store, "spend", fail)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None, django_db_blocker: Any) -> None:
    """pytest-django's hook: the database of the tests in process is a copy of the template, too."""
    connection.settings_dict["TEST"]["TEMPLATE"] = databases.template(django_db_blocker)


@pytest.fixture
def missing_database(django_db_setup: None, django_db_blocker: Any) -> Iterator[str]:
    """The name of a database that does not exist yet."""
    with databases.missing_database(django_db_blocker) as name:
        yield name


@pytest.fixture
def database(django_db_setup: None, django_db_blocker: Any) -> Iterator[str]:
    """The name of a database with all migrations and no rows."""
    with databases.empty_database(django_db_blocker) as name:
        yield name


@pytest.fixture(scope="module")
def module_database(django_db_setup: None, django_db_blocker: Any) -> Iterator[str]:
    with databases.empty_database(django_db_blocker) as name:
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


@pytest.fixture(scope="session")
def _session_server(
    tmp_path_factory: pytest.TempPathFactory, django_db_setup: None, django_db_blocker: Any
) -> Iterator[Server]:
    with databases.empty_database(django_db_blocker) as name:
        variables = {**database_environment(name), "DEFAULT_RATE_LIMIT": "100000/s"}
        with Server(tmp_path_factory.mktemp("shared"), variables) as running:
            yield running


@pytest.fixture
def shared_server(_session_server: Server) -> Server:
    """The server of the session, with two workers and nothing in its registry. For tests of what the API does under
    several clients at once, which neither stop it nor look at its output."""
    with database_of(_session_server) as session:
        session.execute("SET session_replication_role = replica")  # past the triggers that seal revisions
        session.execute("TRUNCATE registry_registeredmodel, registry_context, registry_deployment CASCADE")
    return _session_server


@pytest.fixture
def patient_server(database: str, tmp_path: Path) -> Iterator[Server]:
    """Like `server`, with threads for many requests that wait for locks, each for as long as a test needs."""
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
