"""manage.py init_db"""

import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from django.db import connection

from mcp_project import database as database_module
from tests.server import database_environment, environment, manage


def test_database_is_created_and_migrated_and_running_again_changes_nothing(tmp_path: Path, database: str) -> None:
    variables = database_environment(database)

    first = manage(tmp_path, variables, "init_db")
    again = manage(tmp_path, variables, "init_db")

    assert (first.returncode, again.returncode) == (0, 0), first.stderr + again.stderr
    assert "Applying keys.0001_initial" in first.stdout
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
    assert sum("Applying keys.0001_initial" in out for out, _ in said) == 1


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
