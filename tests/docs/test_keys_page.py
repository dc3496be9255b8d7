"""docs/keys.md, held against the code."""

import re
from pathlib import Path

from keys.crypto import FORM
from keys.models import Permission
from keys.serializers.keys import KeySerializer
from mcp_project.audit.actions import Action
from mcp_project.http.codes import CODES
from tests.support.api import api

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "keys.md").read_text()


def test_every_field_of_a_key_is_described() -> None:
    table = PAGE.partition("## What a key has")[2].partition("\n## ")[0]
    described = {
        name for row in re.findall(r"^\| (.*?) \|", table, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)
    }

    assert described == set(KeySerializer.Meta.fields)


def test_every_permission_is_named() -> None:
    row = re.search(r"^\| `permissions` \| (.*?):", PAGE, re.MULTILINE)

    assert row is not None
    assert re.findall(r"`(\w+)`", row[1]) == list(Permission.values)


def test_every_action_of_the_audit_trail_is_described() -> None:
    table = PAGE.partition("## The audit trail")[2]

    assert re.findall(r"^\| `(\w+)` \| (.*) \|$", table, re.MULTILINE) == Action.choices


def test_every_code_in_the_table_exists_with_its_status() -> None:
    rows = re.findall(r"^\| ([0-9]{3}) \| `([A-Z_]+)` \|", PAGE, re.MULTILINE)

    assert len(rows) >= 10
    assert all(CODES[code].status == int(status) for status, code in rows)


def test_scanners_expression_finds_a_key_in_text(db: None) -> None:
    printed = re.search(r"leaked keys by `(.*?)`", PAGE)
    assert printed is not None
    key = api("owner", "read").key

    assert re.findall(printed[1], f"KEY='{key}' # do not commit") == [key]
    assert FORM.fullmatch(str(key))
