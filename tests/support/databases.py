"""Databases for tests: copies of a template, which is migrated once for each state of the migrations."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, LiteralString
from uuid import uuid4

import psycopg
from django.conf import settings
from psycopg import sql

from mcp_project.database.initialise import connection_parameters
from tests.support.server import database_environment, manage

TEMPLATE_LOCK = 6_227_020_801  # an arbitrary number, of an advisory lock
# The tests' own cluster survives kill -9 of its processes, but not the host's crash. Tests about lost databases
# have clusters of their own, with PostgreSQL's defaults.
WITHOUT_DURABILITY: tuple[LiteralString, ...] = (
    "ALTER SYSTEM SET fsync = off",
    "ALTER SYSTEM SET full_page_writes = off",
    "ALTER SYSTEM SET synchronous_commit = off",
    "SELECT pg_reload_conf()",
)


@cache
def template(blocker: Any) -> str:
    """The name of a database with all migrations, on the tests' PostgreSQL. It accepts no connections, so that it can
    be copied at any time. It stays for the next run."""
    name = f"mcp_template_{_state_of_the_migrations()}"
    with _maintenance(blocker) as session:
        if settings.EMBEDDED_DATABASE:
            for statement in WITHOUT_DURABILITY:
                session.execute(statement)
        session.execute("SELECT pg_advisory_lock(%s)", [TEMPLATE_LOCK])  # until the session ends
        if not _is_ready(session, name):
            if settings.EMBEDDED_DATABASE:  # on a shared server, another checkout may be using its own
                _drop_templates(session)
            with TemporaryDirectory() as folder:
                made = manage(Path(folder), database_environment(name), "init_db")
            assert made.returncode == 0, made.stderr
            session.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(sql.Identifier(name)))
    return name


@contextmanager
def missing_database(blocker: Any) -> Iterator[str]:
    """The name of a database that does not exist, on the tests' PostgreSQL; what a test made by it is dropped."""
    name = f"mcp_test_{uuid4().hex[:12]}"
    with _maintenance(blocker) as session:  # starts the embedded server, where that is used
        yield name
        session.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@contextmanager
def empty_database(blocker: Any) -> Iterator[str]:
    """The name of a database with all migrations and no rows."""
    source = template(blocker)
    with missing_database(blocker) as name:
        with _maintenance(blocker) as session:
            copy = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
            session.execute(copy.format(sql.Identifier(name), sql.Identifier(source)))
        yield name


def _maintenance(blocker: Any) -> "psycopg.Connection[tuple[Any, ...]]":
    with blocker.unblock():
        parameters = {**connection_parameters(), "dbname": "postgres"}
    return psycopg.connect(**parameters, autocommit=True)


def _is_ready(session: "psycopg.Connection[tuple[Any, ...]]", name: str) -> bool:
    row = session.execute("SELECT datallowconn FROM pg_database WHERE datname = %s", [name]).fetchone()
    return row is not None and not row[0]


def _drop_templates(session: "psycopg.Connection[tuple[Any, ...]]") -> None:
    names = session.execute(r"SELECT datname FROM pg_database WHERE datname LIKE 'mcp\_template\_%'").fetchall()
    for (name,) in names:
        session.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _state_of_the_migrations() -> str:
    base = settings.BASE_DIR
    migrations = sorted([*base.glob("*/migrations/**/*.py"), *base.glob("*/migrations/**/*.sql")])
    digest = hashlib.sha256((base / "requirements.txt").read_bytes())  # for the migrations of libraries
    for path in migrations:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
