"""manage.py list_keys, revoke_key and rotate_key"""

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from keys.authentication import known_keys
from keys.crypto import KeyGenerator
from keys.models import APIKey
from mcp_project.audit.models import AuditEntry
from tests.support.api import Api, api
from tests.support.server import KEY

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command(*arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_list_shows_every_key_and_no_secret(owner: Api, teammate: Api) -> None:
    out, _ = run("list_keys")

    lines = out.splitlines()
    assert [line.split()[0] for line in lines] == ["prefix", teammate.row.prefix, owner.row.prefix]
    assert str(owner.row.pk) in out
    assert not KEY.search(out)
    assert "sha512" not in out


def test_list_is_narrowed_by_owner_and_status(owner: Api, teammate: Api) -> None:
    run("revoke_key", owner.row.prefix)

    assert len(run("list_keys", "--owner", "teammate")[0].splitlines()) == 2
    assert owner.row.prefix in run("list_keys", "--status", "revoked")[0]
    assert owner.row.prefix not in run("list_keys", "--status", "active")[0]


def test_list_as_json_is_a_line_a_key(owner: Api, teammate: Api) -> None:
    keys = [json.loads(line) for line in run("list_keys", "--json")[0].splitlines()]

    assert [key["id"] for key in keys] == [str(teammate.row.pk), str(owner.row.pk)]


def test_empty_list_has_its_head() -> None:
    assert run("list_keys")[0].split()[0] == "prefix"


@pytest.mark.parametrize("name", ["prefix", "id", "whole key"])
def test_key_is_revoked_by_what_one_has_of_it(owner: Api, name: str) -> None:
    text = {"prefix": owner.row.prefix, "id": str(owner.row.pk), "whole key": str(owner.key)}[name]

    out, err = run("revoke_key", text)

    known_keys.clear()
    assert owner.get("/api/models").json()["code"] == "API_KEY_REVOKED"
    assert out == ""
    assert "is revoked" in err
    assert AuditEntry.objects.filter(actor="command", action="revoke").count() == 1


def test_all_keys_of_an_owner_are_revoked(owner: Api) -> None:
    api("leaving", "read")
    api("leaving", "read")

    assert "2 keys of leaving are revoked" in run("revoke_key", "--owner", "leaving")[1]
    assert APIKey.objects.filter(revoked_at__isnull=True).get() == owner.row


def test_rotated_key_is_alone_on_standard_output_and_works(owner: Api) -> None:
    out, err = run("rotate_key", owner.row.prefix, "--overlap", "60")

    key = out.removesuffix("\n")
    assert Api(key).get("/api/models").status_code == 200
    assert owner.get("/api/models").status_code == 200
    assert key not in err


def test_rotation_as_json(owner: Api) -> None:
    told = json.loads(run("rotate_key", str(owner.row.pk), "--json")[0])

    assert told["rotated_from"] == str(owner.row.pk)
    assert KEY.fullmatch(told["key"])


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["revoke_key"], "Name either a key"),
        (["revoke_key", "abc", "--owner", "x"], "Name either a key"),
        (["revoke_key", "unknown1"], "no key with the id or prefix 'unknown1'"),
        (["rotate_key", "01900000-0000-7000-8000-000000000000"], "no key with the id or prefix"),
        (["rotate_key", "x", "--overlap", "-1"], "--overlap is from 0"),
        (["revoke_key", "\udcff"], "no key with the id or prefix"),
        (["list_keys", "--status", "gone"], "invalid choice: 'gone'"),
    ],
)
def test_mistakes_are_told(arguments: list[str], sentence: str) -> None:
    with pytest.raises(CommandError) as raised:
        run(*arguments)

    assert sentence in str(raised.value)


def test_key_of_another_service_is_not_repeated() -> None:
    stranger = KeyGenerator().generate()[0]

    with pytest.raises(CommandError) as raised:
        run("revoke_key", stranger)

    assert stranger.partition(".")[2] not in str(raised.value)


def test_expired_key_is_not_rotated(owner: Api) -> None:
    APIKey.objects.update(expires_at=timezone.now() - timedelta(days=1))

    with pytest.raises(CommandError, match="expired: make a new one"):
        run("rotate_key", owner.row.prefix)


def test_created_key_has_all_that_was_asked_for() -> None:
    out, _ = run(
        "create_key", "--owner", "ci", "--name", "n", "--permission", "invoke", "--model", "churn*", "--model", "fraud",
        "--allow-ip", "10.1.2.3/8", "--allow-ip", "2001:db8::1", "--daily-quota", "5",
        "--monthly-quota", "50", "--json",
    )  # fmt: skip

    told = json.loads(out)
    assert (told["permissions"], told["models"]) == (["invoke"], ["churn*", "fraud"])
    assert told["allowed_ips"] == ["10.0.0.0/8", "2001:db8::1/128"]
    assert (told["daily_quota"], told["monthly_quota"]) == (5, 50)


@pytest.mark.parametrize(
    ("option", "value", "field"),
    [("--allow-ip", "10.0.0.0/99", "allowed_ips"), ("--model", "", "model_patterns"), ("--daily-quota", "-1", "daily")],
)
def test_impossible_limits_are_told_and_nothing_is_made(option: str, value: str, field: str) -> None:
    with pytest.raises(CommandError, match=field):
        run("create_key", "--owner", "ci", "--name", "n", option, value)

    assert not APIKey.objects.exists()
