"""manage.py create_key"""

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from keys.models import APIKey
from tests.support.api import Api

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command("create_key", *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_standard_output_holds_the_key_alone_and_the_key_works() -> None:
    out, err = run("--owner", "ci", "--name", "pipeline", "--permission", "read", "--permission", "write")

    key = out.removesuffix("\n")
    assert Api(key).post("/api/models", {"name": "m"}).status_code == 201
    assert key not in err
    assert APIKey.objects.get().prefix in err


def test_json_holds_the_key_and_all_about_it() -> None:
    out, _ = run("--owner", "ci", "--name", "pipeline", "--json", "--rate", "5/h", "--expires", "never")

    told = json.loads(out)
    assert Api(told["key"]).get("/api/models").status_code == 200
    assert (told["permissions"], told["rate_limit"], told["expires_at"]) == (["read"], "5/h", None)


def test_days_are_counted_from_now() -> None:
    run("--owner", "ci", "--name", "pipeline", "--expires", "3d")

    expires_at = APIKey.objects.get().expires_at
    assert expires_at is not None
    assert timedelta(days=2, hours=23) < expires_at - timezone.now() <= timedelta(days=3)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--owner", "ci", "--name", "x", "--rate", "0/m"], "argument --rate: A rate admits from 1"),
        (["--owner", "ci", "--name", "x", "--rate", ""], "argument --rate: A rate reads N/period"),
        (["--owner", "ci", "--name", "x", "--daily-quota", ""], "argument --daily-quota: A quota is a whole number"),
        (["--owner", "ci", "--name", "x", "--expires", "soon"], "--expires takes a number of days"),
        (["--owner", "ci", "--name", "x", "--expires", "0d"], "--expires takes a number of days"),
        (["--owner", "", "--name", "x"], "owner: "),
        (["--owner", "ci", "--name", "two\nlines"], "name: Control and invisible"),
        (["--owner", "ci", "--name", "x", "--permission", "fly"], "invalid choice: 'fly'"),
        (["--name", "x"], "required: --owner"),
    ],
)
def test_mistakes_are_told_and_nothing_is_made(arguments: list[str], sentence: str) -> None:
    with pytest.raises(CommandError) as raised:
        run(*arguments)

    assert sentence in str(raised.value)
    assert not APIKey.objects.exists()


def test_database_that_is_not_ready_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def pending() -> list[Any]:
        return ["keys.0001_models"]

    monkeypatch.setattr("mcp_project.management.base.pending_migrations", pending)

    with pytest.raises(CommandError, match="init_db"):
        run("--owner", "ci", "--name", "x")
