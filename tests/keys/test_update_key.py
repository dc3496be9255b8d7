"""PATCH /api/keys/{key_id}"""

from typing import Any
from uuid import uuid4

import pytest

from keys.authentication import known_keys
from keys.models import APIKey
from mcp_project.audit.models import AuditEntry
from tests.support.api import Api, api


def patch(admin: Api, key: APIKey, change: dict[str, Any], etag: str = "*") -> Any:
    return admin("PATCH", f"/api/keys/{key.pk}", change, If_Match=etag)


def test_change_holds_and_is_told(admin: Api, owner: Api) -> None:
    change = {
        "name": "renamed",
        "permissions": ["read"],
        "models": ["churn*", "fraud"],
        "allowed_ips": ["127.0.0.1", "2001:db8::1/32"],
        "rate_limit": "7/m",
        "daily_quota": 100,
        "monthly_quota": 1000,
        "metadata": {"ticket": "OPS-1"},
        "expires_at": None,
    }

    answer = patch(admin, owner.row, change)

    assert answer.status_code == 200
    told = answer.json()
    assert told | change | {"allowed_ips": ["127.0.0.1/32", "2001:db8::/32"]} == told
    assert admin.get(f"/api/keys/{owner.row.pk}").json() == told
    known_keys.clear()
    assert owner.post("/api/models", {"name": "churn"}).status_code == 403


def test_only_what_is_sent_changes(admin: Api, owner: Api) -> None:
    before = admin.get(f"/api/keys/{owner.row.pk}").json()

    after = patch(admin, owner.row, {"name": "renamed"}).json()

    assert after == {**before, "name": "renamed"}


def test_second_of_two_admins_is_told_that_the_key_has_changed(admin: Api, owner: Api) -> None:
    etag = admin.get(f"/api/keys/{owner.row.pk}")["ETag"]

    first = patch(admin, owner.row, {"name": "first"}, etag)
    second = patch(admin, owner.row, {"name": "second"}, etag)

    assert (first.status_code, second.status_code) == (200, 412)
    assert second.json()["code"] == "PRECONDITION_FAILED"
    assert first["ETag"] != etag
    assert APIKey.objects.get(pk=owner.row.pk).name == "first"
    assert patch(admin, owner.row, {"name": "third"}, first["ETag"]).status_code == 200


@pytest.mark.parametrize(
    ("given", "status"),
    [('"1"', 200), ('"7", "1"', 200), ("*", 200), (' "1" ', 200), ('W/"1"', 412), ('"2"', 412), ("1", 412), (",", 412)],
)
def test_if_match_is_read_as_http_says(admin: Api, owner: Api, given: str, status: int) -> None:
    assert patch(admin, owner.row, {"name": "x"}, given).status_code == status


def test_change_without_if_match_is_428(admin: Api, owner: Api) -> None:
    response = admin("PATCH", f"/api/keys/{owner.row.pk}", {"name": "x"})

    assert (response.status_code, response.json()["code"]) == (428, "PRECONDITION_REQUIRED")


def test_disabled_key_is_refused_and_enabled_key_works_again(admin: Api, owner: Api) -> None:
    patch(admin, owner.row, {"enabled": False})
    known_keys.clear()
    assert owner.get("/api/models").json()["code"] == "API_KEY_DISABLED"
    assert admin.get(f"/api/keys/{owner.row.pk}").json()["status"] == "disabled"

    patch(admin, owner.row, {"enabled": True})
    known_keys.clear()
    assert owner.get("/api/models").status_code == 200


def test_rate_of_null_is_the_services_default(admin: Api, settings: Any) -> None:
    settings.DEFAULT_RATE_LIMIT = "77/m"
    key = api("limited", "read", rate_limit="1/d").row

    assert patch(admin, key, {"rate_limit": None}).json()["rate_limit"] == "77/m"


def test_revoked_key_cannot_be_changed(admin: Api, owner: Api) -> None:
    admin.delete(f"/api/keys/{owner.row.pk}")

    response = patch(admin, owner.row, {"enabled": True})

    assert (response.status_code, response.json()["code"]) == (409, "CONFLICT")


def test_change_of_nothing_changes_nothing(admin: Api, owner: Api) -> None:
    etag = admin.get(f"/api/keys/{owner.row.pk}")["ETag"]

    assert patch(admin, owner.row, {"name": owner.row.name})["ETag"] == etag
    assert not AuditEntry.objects.filter(action="update").exists()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"models": []}, "models"),
        ({"models": "churn"}, "models"),
        ({"models": [""]}, "models.0"),
        ({"models": ["x" * 256]}, "models"),
        ({"models": ["a\u200b"]}, "models"),
        ({"models": ["m"] * 101}, "models"),
        ({"models": [7]}, "models.0"),
        ({"allowed_ips": []}, "allowed_ips"),
        ({"allowed_ips": ["10.0.0.0/33"]}, "allowed_ips"),
        ({"allowed_ips": ["host.example.com"]}, "allowed_ips"),
        ({"allowed_ips": ["fe80::1%eth0"]}, "allowed_ips"),
        ({"allowed_ips": ["::ffff:10.0.0.0/104"]}, "allowed_ips"),
        ({"daily_quota": -1}, "daily_quota"),
        ({"daily_quota": 2**53 + 1}, "daily_quota"),
        ({"daily_quota": "many"}, "daily_quota"),
        ({"monthly_quota": 1.5}, "monthly_quota"),
        ({"monthly_quota": 10**400}, "monthly_quota"),
        ({"enabled": "perhaps"}, "enabled"),
        ({"enabled": None}, "enabled"),
        ({"metadata": []}, "metadata"),
        ({"metadata": {"k": "x" * 8192}}, "metadata"),
        ({"expires_at": "2001-01-01T00:00:00Z"}, "expires_at"),
        ({"rate_limit": "١٠/m"}, "rate_limit"),
        ({"revoked_at": None}, "revoked_at"),
        ({"last_used_at": None}, "last_used_at"),
        ({"pool_id": str(uuid4())}, "pool_id"),
        ({"version": 9}, "version"),
    ],
)
def test_bad_field_gets_400_that_names_it_and_changes_nothing(
    admin: Api, owner: Api, change: dict[str, Any], field: str
) -> None:
    before = admin.get(f"/api/keys/{owner.row.pk}").json()

    response = patch(admin, owner.row, change)

    assert response.status_code == 400, response.content
    assert {error["field"] for error in response.json()["errors"]} == {field}
    assert admin.get(f"/api/keys/{owner.row.pk}").json() == before


def test_unknown_key_gets_404(admin: Api) -> None:
    assert admin("PATCH", f"/api/keys/{uuid4()}", {"name": "x"}, If_Match="*").status_code == 404


def test_key_without_admin_gets_403(owner: Api) -> None:
    assert patch(owner, owner.row, {"permissions": ["admin"]}).status_code == 403
