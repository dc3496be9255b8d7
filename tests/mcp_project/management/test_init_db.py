"""manage.py init_db"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from django.db import connection

from mcp_project.database import initialise as database_module
from tests.support.server import database_environment, environment, manage


def test_database_is_created_and_migrated_and_running_again_changes_nothing(tmp_path: Path, database: str) -> None:
    variables = database_environment(database)

    first = manage(tmp_path, variables, "init_db")
    again = manage(tmp_path, variables, "init_db")

    assert (first.returncode, again.returncode) == (0, 0), first.stderr + again.stderr
    assert "Applying keys.0001_models" in first.stdout
    assert "No migrations to apply" in again.stdout
    assert "The database is ready." in again.stderr


def test_several_hosts_at_once_all_succeed(tmp_path: Path, database: str) -> None:
    variables = environment(tmp_path, database_environment(database))
    command = [sys.executable, "manage.py", "init_db"]

    hosts = [
        subprocess.Popen(
            command, cwd=settings.BASE_DIR, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    said = [host.communicate(timeout=120) for host in hosts]

    assert [host.returncode for host in hosts] == [0] * 4, said
    assert sum("Applying keys.0001_models" in out for out, _ in said) == 1


def test_database_that_another_host_makes_meanwhile_is_taken(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between this host's vain attempt to connect and its look into the catalogue."""
    real = database_module._is_missing

    def made_meanwhile(name: str) -> bool:
        with psycopg.connect(**database_module._maintenance_parameters(), autocommit=True) as session:
            session.execute(f"CREATE DATABASE {name}")
        return real(name)

    monkeypatch.setitem(connection.settings_dict, "NAME", database)
    monkeypatch.setattr(database_module, "_is_missing", made_meanwhile)

    database_module._create_when_missing()

    psycopg.connect(**database_module.connection_parameters()).close()


def test_role_is_held_to_the_time_limits_in_this_database(tmp_path: Path, database: str) -> None:
    variables = {**database_environment(database), "DATABASE_LOCK_TIMEOUT": "7"}
    assert manage(tmp_path, variables, "init_db").returncode == 0
    with psycopg.connect(**{**database_module.connection_parameters(), "dbname": database}) as session:
        [found] = session.execute("SELECT setting FROM pg_settings WHERE name = 'lock_timeout'").fetchone() or [None]
    assert found == "7000"

    changed = {**variables, "DATABASE_LOCK_TIMEOUT": "8"}
    refused = manage(tmp_path, changed, "serve", "--no-init", "--port", "0")

    assert refused.returncode == 1
    assert "(lock_timeout): run `manage.py init_db`" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    assert manage(tmp_path, changed, "init_db").returncode == 0


def url(database: str, user: str) -> str:
    parameters = {**database_environment(database)}
    host, port = parameters["DB_HOST"], parameters["DB_PORT"] or "5432"
    return f"postgres://{user}@/{database}?host={host}&port={port}"


@pytest.fixture
def roles(database: str) -> Iterator[tuple[str, str]]:
    """Two roles without any right; the second owns the database."""
    parameters = {**database_module.connection_parameters(), "dbname": "postgres"}
    names = (f"{database}_service", f"{database}_owner")
    with psycopg.connect(**parameters, autocommit=True) as session:
        for name in names:
            session.execute(f"CREATE ROLE {name} LOGIN")
        session.execute(f"CREATE DATABASE {database} OWNER {names[1]}")
    yield names
    with psycopg.connect(**parameters, autocommit=True) as session:
        session.execute(f"DROP DATABASE {database} WITH (FORCE)")
        for name in names:
            session.execute(f"DROP ROLE {name}")


def test_owner_of_the_database_needs_no_other_right(tmp_path: Path, database: str, roles: tuple[str, str]) -> None:
    done = manage(tmp_path, {"DATABASE_URL": url(database, roles[1])}, "init_db")

    assert done.returncode == 0, done.stderr


def test_limits_that_may_not_be_stored_are_told_with_what_to_run(
    tmp_path: Path, database: str, roles: tuple[str, str]
) -> None:
    service, owner = roles
    variables = {"DATABASE_URL": url(database, service), "DATABASE_DIRECT_URL": url(database, owner)}

    refused = manage(tmp_path, variables, "init_db")

    assert refused.returncode == 1
    assert f'ALTER ROLE "{service}" IN DATABASE "{database}" SET "statement_timeout" TO' in refused.stderr
    assert "Traceback" not in refused.stderr


def test_missing_rights_are_told_with_what_to_run(tmp_path: Path, database: str, roles: tuple[str, str]) -> None:
    service, _ = roles

    no_tables = manage(tmp_path, {"DATABASE_URL": url(database, service)}, "init_db")
    no_database = manage(tmp_path, {"DATABASE_URL": url(f"{database}_none", service)}, "init_db")

    assert f"ALTER DATABASE {database} OWNER TO {service};" in no_tables.stderr
    assert f"CREATE DATABASE {database}_none OWNER {service};" in no_database.stderr
    assert {len(done.stderr.splitlines()) for done in (no_tables, no_database)} == {1}


def test_commands_have_no_time_limit(tmp_path: Path, database: str) -> None:
    variables = {
        **database_environment(database),
        "DATABASE_STATEMENT_TIMEOUT": "0.001",
        "DATABASE_LOCK_TIMEOUT": "0.001",
    }

    for command in (
        ["init_db"],
        ["create_key", "--owner", "o", "--name", "n"],
        ["registry_export", "--output", str(tmp_path / "registry.ndjson")],
        ["registry_import", str(tmp_path / "registry.ndjson")],
        ["usage_maintain"],
        ["usage_reconcile"],
        ["usage_report"],
        ["migrate", "keys", "zero"],
    ):
        done = manage(tmp_path, variables, *command)
        assert done.returncode == 0, (command, done.stderr)


def test_migrations_can_be_reversed(tmp_path: Path, database: str) -> None:
    variables = database_environment(database)
    assert manage(tmp_path, variables, "init_db").returncode == 0

    for app in ("usage", "registry", "keys"):
        done = manage(tmp_path, variables, "migrate", app, "zero")
        assert done.returncode == 0, done.stderr
    assert manage(tmp_path, variables, "migrate").returncode == 0


def test_create_key_on_an_empty_machine_says_what_to_do(tmp_path: Path, database: str) -> None:
    done = manage(tmp_path, database_environment(database), "create_key", "--owner", "o", "--name", "n")

    assert done.returncode != 0
    assert done.stdout == ""
    assert "init_db" in done.stderr
    assert "Traceback" not in done.stderr
