"""Keys in the Django admin."""

import re
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from django.contrib.messages import get_messages
from django.contrib.sessions.models import Session
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from keys import services
from keys.authentication import known_keys
from keys.models import APIKey
from mcp_project.audit.models import AuditEntry
from tests.support.api import Api, api
from tests.support.server import KEY

LIST = "/admin/keys/apikey/"
FORM = {
    "name": "made by hand",
    "owner": "ann",
    "permissions": ["read", "write"],
    "model_patterns": "",
    "allowed_ips": "",
    "rate_limit": "",
    "metadata": "{}",
    "enabled": "on",
    "expires_at_0": "",
    "expires_at_1": "",
}


def act(staff: Client, action: str, *keys: APIKey, confirmed: bool = True) -> str:
    form = {"action": action, "_selected_action": [str(key.pk) for key in keys]}
    if confirmed:
        form["confirmed"] = "yes"
    return staff.post(LIST, form, follow=True).content.decode()


def trail(key: APIKey) -> list[tuple[str, str]]:
    return list(AuditEntry.objects.filter(object_id=key.pk).order_by("pk").values_list("actor", "action"))


def test_created_key_is_shown_once_on_a_page_that_says_so(staff: Client) -> None:
    response = staff.post(f"{LIST}add/", FORM)

    page = response.content.decode()
    [secret] = KEY.findall(page)
    assert "cannot show it again" in re.sub(r"\s+", " ", page)
    assert "no-store" in response["Cache-Control"]
    assert Api(secret).get("/api/models").status_code == 200
    key = APIKey.objects.get()
    assert (key.owner, key.permissions, key.expires_at) == ("ann", ["read", "write"], None)
    assert trail(key) == [("user:staff", "create")]
    assert not list(get_messages(response.wsgi_request))
    assert not any(secret in str(session.get_decoded()) for session in Session.objects.all())
    for path in (LIST, f"{LIST}{key.pk}/change/", "/admin/audit/auditentry/", "/admin/"):
        seen = staff.get(path).content.decode()
        assert secret.partition(".")[2] not in seen
        assert key.hashed_key not in seen


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("rate_limit", "0/m", "A rate admits from 1"),
        ("allowed_ips", "10.0.0.0/33", "neither an address nor a network"),
        ("permissions", [], "This field is required"),
        ("daily_quota", "-1", "A quota is from 0"),
        ("name", "two\u2028lines", "invisible"),
        ("metadata", "[1]", "A JSON object is wanted"),
        ("metadata", '{"a": "\\u0000"}', "NUL character"),
        ("metadata", '{"a": "\\ud800"}', "surrogate"),
        ("metadata", '{"a": 1e999}', "too large"),
        ("metadata", "[" * 5000, "nested more than"),
        ("metadata", '{"a":' * 40 + "1" + "}" * 40, "nested more than"),
        ("expires_at_0", "2001-01-01", "This time is past"),
    ],
)
def test_mistake_is_told_in_the_form_and_nothing_is_made(
    staff: Client, field: str, value: object, sentence: str
) -> None:
    response = staff.post(f"{LIST}add/", {**FORM, "expires_at_1": "00:00", field: value})

    assert sentence in response.content.decode()
    assert not APIKey.objects.exists()


def test_change_is_in_the_trail_with_what_it_was_and_what_it_is(staff: Client, owner: Api) -> None:
    form = {**FORM, "name": owner.row.name, "owner": "owner", "rate_limit": "5/h", "allowed_ips": "10.1.2.3/8"}
    form["loaded_edition"] = "1"
    form |= {"expires_at_0": f"{owner.row.expires_at:%Y-%m-%d}", "expires_at_1": f"{owner.row.expires_at:%H:%M:%S}"}

    assert staff.post(f"{LIST}{owner.row.pk}/change/", form).status_code == 302

    changed = APIKey.objects.get(pk=owner.row.pk)
    assert (changed.rate_limit, changed.allowed_ips) == ("5/h", ["10.0.0.0/8"])
    entry = AuditEntry.objects.filter(action="update").get()
    assert entry.actor == "user:staff"
    assert entry.changes["rate_limit"] == ["", "5/h"]
    assert entry.changes["allowed_ips"] == [None, ["10.0.0.0/8"]]


@pytest.mark.parametrize(
    ("action", "code"), [("revoke", "API_KEY_REVOKED"), ("disable", "API_KEY_DISABLED"), ("rotate", "API_KEY_REVOKED")]
)
def test_action_asks_first_and_then_acts(staff: Client, owner: Api, action: str, code: str) -> None:
    assert "Are you sure" in act(staff, action, owner.row, confirmed=False)
    assert owner.get("/api/models").status_code == 200

    act(staff, action, owner.row)

    known_keys.clear()
    assert owner.get("/api/models").json()["code"] == code
    assert trail(owner.row)[-1][0] == "user:staff"


def test_form_that_was_loaded_before_anothers_change_is_refused(staff: Client, admin: Api, owner: Api) -> None:
    url = f"{LIST}{owner.row.pk}/change/"
    loaded = staff.get(url).context["adminform"].form.initial["loaded_edition"]
    change = {"enabled": False, "allowed_ips": ["10.0.0.0/8"], "rate_limit": "1/m"}
    assert admin("PATCH", f"/api/keys/{owner.row.pk}", change, If_Match="*").status_code == 200

    answer = staff.post(url, {**FORM, "loaded_edition": loaded, "name": "mine"})

    assert "Somebody else has changed this key" in answer.content.decode()
    key = APIKey.objects.get(pk=owner.row.pk)
    assert (key.enabled, key.allowed_ips, key.rate_limit, key.name) == (False, ["10.0.0.0/8"], "1/m", owner.row.name)


def test_hash_cannot_be_asked_for_by_a_filter(staff: Client, owner: Api) -> None:
    assert staff.get(f"{LIST}?hashed_key__startswith=sha512").status_code == 400


def test_failure_at_one_key_keeps_the_secrets_of_the_others(
    staff: Client, owner: Api, teammate: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = services.rotate_key

    def fail_at_one(actor: str, key_id: UUID, overlap: int) -> tuple[APIKey, str]:
        if key_id == owner.row.pk:
            raise OperationalError("gone for a moment")
        return real(actor, key_id, overlap)

    monkeypatch.setattr(services, "rotate_key", fail_at_one)

    page = act(staff, "rotate", owner.row, teammate.row)

    [secret] = KEY.findall(page)
    assert Api(secret).get("/api/models").status_code == 200
    assert owner.get("/api/models").status_code == 200


def test_disabled_key_can_be_enabled(staff: Client, owner: Api) -> None:
    act(staff, "disable", owner.row)
    act(staff, "enable", owner.row)

    assert owner.get("/api/models").status_code == 200


def test_rotation_of_several_shows_each_new_secret_once(staff: Client, owner: Api, teammate: Api) -> None:
    page = act(staff, "rotate", owner.row, teammate.row)

    secrets = KEY.findall(page)
    assert len(set(secrets)) == 2
    assert [Api(secret).get("/api/models").status_code for secret in secrets] == [200, 200]


def test_what_cannot_be_done_is_told(staff: Client, owner: Api) -> None:
    act(staff, "revoke", owner.row)

    assert "The key is revoked" in act(staff, "rotate", owner.row)
    assert "The key is revoked" in act(staff, "enable", owner.row)


def test_revoked_key_can_only_be_read(staff: Client, owner: Api) -> None:
    act(staff, "revoke", owner.row)

    assert staff.get(f"{LIST}{owner.row.pk}/change/").status_code == 200
    assert staff.post(f"{LIST}{owner.row.pk}/change/", FORM).status_code == 403


def test_lists_are_filtered_and_searched(staff: Client) -> None:
    soon = api("ann", "read", expires_at=timezone.now() + timedelta(days=3)).row
    later = api("bob", "read", expires_at=None).row
    revoked = api("eve", "read").row
    act(staff, "revoke", revoked)

    def found(query: str) -> set[APIKey]:
        return set(staff.get(LIST + query).context["cl"].queryset)

    assert found("?expires=soon") == {soon}
    assert found("?expires=never") == {later}
    assert found("?status=revoked") == {revoked}
    assert found("?status=active") == {soon, later}
    assert found("?owner=bob") == {later}
    assert found(f"?q={soon.prefix}") == {soon}


def test_history_of_a_key_is_its_audit_trail(staff: Client, owner: Api) -> None:
    act(staff, "disable", owner.row)

    response = staff.get(f"{LIST}{owner.row.pk}/history/", follow=True)

    assert [entry.action for entry in response.context["cl"].queryset] == ["update", "create"]


@pytest.mark.parametrize("path", ["add/", "{}/delete/"])
def test_audit_trail_cannot_be_written_by_staff(staff: Client, owner: Api, path: str) -> None:
    entry = AuditEntry.objects.get()

    assert staff.post(f"/admin/audit/auditentry/{path.format(entry.pk)}").status_code == 403


def test_page_of_a_key_shows_what_is_left_and_takes_nothing(staff: Client, db: None) -> None:
    caller = api("caller", "read", rate_limit="10/d", daily_quota=5)
    caller.get("/api/models")

    for _ in range(2):
        page = staff.get(f"{LIST}{caller.row.pk}/change/").content.decode()
        assert "rate_limit: 9 of 10, daily_quota: 4 of 5" in page


def test_page_of_a_key_opens_while_the_counters_are_away(
    staff: Client, owner: Api, lose_counters: Callable[[], None]
) -> None:
    lose_counters()

    assert "counters cannot be reached" in staff.get(f"{LIST}{owner.row.pk}/change/").content.decode()
