"""Prepares the database, one host at a time, and explains in one sentence what is wrong with it."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
from django.core.management import CommandError, call_command
from django.db import connection, connections
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from psycopg import sql

from mcp_project.database.locks import Lock, held_by_session
from mcp_project.database.role import store_role_settings


def initialise(verbosity: int = 1) -> None:
    """Create the database when it is missing, migrate it and store the role's settings. Hosts that do so at the same
    time take turns. Raises CommandError for a database of the former migrations, and changes nothing there."""
    _create_when_missing()
    with one_at_a_time():
        require_current_migrations()
        call_command("migrate", interactive=False, verbosity=verbosity)
        store_role_settings()


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Keep other hosts from making this database ready at the same time."""
    with held_by_session(Lock.DATABASE, connection_parameters()):
        yield


@contextmanager
def without_time_limit() -> Iterator[None]:
    """Let statements of the service take as long as they need, within the transaction that is open. For work whose
    length depends on how much is stored, in the background; locks keep their limit."""
    session = connection.connection
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
    longest_answer, session.longest_answer = session.longest_answer, None
    try:
        yield
    finally:
        session.longest_answer = longest_answer


def pending_migrations() -> list[str]:
    """The names of the migrations that the code has and the database has not."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]


def require_current_migrations() -> None:
    """Raise CommandError when the database was made by migrations that this version has replaced: some of an app's are
    recorded as applied, but not the app's first."""
    loader = MigrationLoader(connection)
    applied = set(loader.applied_migrations)
    migrated_apps = {app for app, _ in applied}
    if any(app in migrated_apps and (app, name) not in applied for app, name in loader.graph.root_nodes()):
        raise CommandError(
            f"Database {connection.settings_dict['NAME']} was made by an earlier version, whose migrations no longer "
            "exist: run `manage.py registry_export` with that version, then name a new database in DATABASE_URL (or a "
            "new VAR_DIR, for the embedded one) and run `manage.py init_db` and `manage.py registry_import` with this "
            "version; API keys must be created again."
        )


def release_connections() -> None:
    """Close this process's connections and pools, as before a fork or an exec."""
    connections.close_all()
    for wrapper in connections.all(initialized_only=True):
        close_pool = getattr(wrapper, "close_pool", None)
        if close_pool is not None:
            close_pool()


def explain(error: Exception) -> str:
    """Explain an error of PostgreSQL or the network to an operator, in one sentence."""
    settings = connection.settings_dict
    reason = " ".join(str(error).split())
    server = f"PostgreSQL at {settings['HOST'] or 'the local socket'}"
    if settings.get("PORT"):
        server += f":{settings['PORT']}"
    if "authentication failed" in reason or "no password supplied" in reason:
        return (
            f"{server} refused the password of user {settings['USER']}: check DB_USER and DB_PASSWORD or DATABASE_URL."
        )
    if "permission denied" in reason:
        return f"User {settings['USER']} of {server} may not do this: {reason}{_remedy(reason)}"
    if "does not exist" in reason and "database" in reason:
        return f"{server} has no database {settings['NAME']}: run `manage.py init_db`."
    if "Connection refused" in reason or "No such file or directory" in reason:
        return f"{server} refused the connection: check that it runs, and DB_HOST and DB_PORT or DATABASE_URL."
    if "could not translate host name" in reason or "failed to resolve host" in reason:
        return f"The database host {settings['HOST']} has no address: check DB_HOST or DATABASE_URL."
    return f"{server} cannot be used: {reason}"


def _remedy(reason: str) -> str:
    """The command for a superuser, if the role may not create the database or, since PostgreSQL 15, its tables."""
    name, role = connection.settings_dict["NAME"], connection.settings_dict["USER"] or "…"
    if "to create database" in reason:
        return f": as a superuser, run `CREATE DATABASE {name} OWNER {role};`."
    if "schema public" in reason:
        return f": as a superuser, run `ALTER DATABASE {name} OWNER TO {role};`."
    return ""


def _create_when_missing() -> None:
    name = connection.settings_dict["NAME"]
    try:
        psycopg.connect(**connection_parameters()).close()
    except psycopg.OperationalError:
        if not _is_missing(name):
            # Another host has made it since, or it was something else, which this says again.
            psycopg.connect(**connection_parameters()).close()
            return
    else:
        return
    # If two hosts create it at once, one gets the error that it exists: DuplicateDatabase or, when they meet in
    # the catalogue's index, as UniqueViolation.
    exists = suppress(psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation)
    with psycopg.connect(**_maintenance_parameters(), autocommit=True) as session, exists:
        session.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))


def _is_missing(name: str) -> bool:
    """Look in the server's catalogue: the reason for a failed connection is text in the server's language."""
    try:
        with psycopg.connect(**_maintenance_parameters()) as session:
            return session.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone() is None
    except psycopg.OperationalError:
        return False


def _maintenance_parameters() -> dict[str, Any]:
    return {**connection_parameters(), "dbname": "postgres"}


def connection_parameters() -> dict[str, Any]:
    """The parameters with which psycopg.connect reaches the configured database, without Django's adapters. Starts the
    embedded server."""
    parameters = dict(connection.get_connection_params())
    for name in ("context", "cursor_factory", "prepare_threshold"):
        parameters.pop(name, None)
    return parameters
