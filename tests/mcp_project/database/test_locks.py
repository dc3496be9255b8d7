"""Locks: each has its number and its place in the order in one file."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from mcp_project.database import locks
from mcp_project.database.locks import Lock, hold

APPS = ("keys", "mcp_project", "registry", "usage")
TEXTS = (".py", ".sql")
HELD = "SELECT classid::int, granted FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"


def test_no_other_file_takes_an_advisory_lock() -> None:
    files = (file for app in APPS for file in (Path(settings.BASE_DIR) / app).rglob("*.*") if file.suffix in TEXTS)

    found = [str(file.relative_to(settings.BASE_DIR)) for file in files if "advisory_" in file.read_text()]

    assert found == ["mcp_project/database/locks.py"]


def test_locks_have_numbers_of_their_own() -> None:
    assert len({lock.value for lock in Lock}) == len(Lock.__members__)  # an alias would be a member with the same value


def test_document_gives_the_order_of_locks_that_the_code_gives() -> None:
    document = (Path(settings.BASE_DIR) / "docs" / "architecture.md").read_text()
    section = document.partition("### Lock order\n")[2].partition("\n###")[0]

    assert re.findall(r"(?m)^\d\. .*$", section) == re.findall(r"(?m)^\d\. .*$", locks.__doc__ or "")


@pytest.mark.django_db
def test_lock_is_held_until_the_transaction_ends() -> None:
    hold(Lock.LINEAGE)

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT classid::int, granted FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
        )
        assert cursor.fetchall() == [(Lock.LINEAGE, True)]
