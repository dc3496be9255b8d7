"""POST /api/keys"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from keys.crypto import FORM
from keys.models import APIKey
from tests.support.api import Api

NEW = {"name": "nightly training", "owner": "data-science", "permissions": ["write", "read"]}


def test_created_key_is_shown_once_and_works(admin: Api) -> None:
    response = admin.post("/api/keys", NEW)

    assert response.status_code == 201
    created = response.json()
    assert FORM.fullmatch(created["key"])
    assert response["Cache-Control"] == "no-store"
    assert response["Location"] == f"/api/keys/{created['id']}"
    assert Api(created["key"]).get("/api/models").status_code == 200
    read_back = admin.get(f"/api/keys/{created['id']}").json()
    assert created == {"key": created["key"], **read_back}
    assert read_back | {"name": NEW["name"], "owner": "data-science", "permissions": ["read", "write"]} == read_back
    assert read_back["created_by"] == f"key:{admin.row.pk}"


def test_database_holds_only_a_hash(admin: Api) -> None:
    created = admin.post("/api/keys", NEW).json()

    row = APIKey.objects.get(pk=created["id"])
    secret = created["key"].partition(".")[2]
    assert row.hashed_key.startswith("sha512$$")
    assert not any(secret in str(value) for value in row.__dict__.values())


def test_key_expires_after_the_default_time_unless_told(admin: Api, settings: Any) -> None:
    settings.KEY_DEFAULT_TTL_DAYS = 7

    created = admin.post("/api/keys", NEW).json()

    expires = datetime.fromisoformat(created["expires_at"])
    assert timedelta(days=6, hours=23) < expires - timezone.now() <= timedelta(days=7)


def test_key_with_null_expiry_never_expires(admin: Api) -> None:
    assert admin.post("/api/keys", {**NEW, "expires_at": None}).json()["expires_at"] is None


def test_key_with_own_expiry_and_rate_has_them(admin: Api) -> None:
    expires = datetime(2199, 1, 2, 3, 4, 5, tzinfo=UTC)

    created = admin.post("/api/keys", {**NEW, "expires_at": expires.isoformat(), "rate_limit": "5/h"}).json()

    assert datetime.fromisoformat(created["expires_at"]) == expires
    assert created["rate_limit"] == "5/h"


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"name": ""}, "name", "blank"),
        ({"name": "x" * 101}, "name", "max_length"),
        ({"name": "two\nlines"}, "name", "invisible_characters"),
        ({"name": "zero\u200bwidth"}, "name", "invisible_characters"),
        ({"name": ["a"]}, "name", "invalid"),
        ({"owner": None}, "owner", "null"),
        ({"permissions": []}, "permissions", "empty"),
        ({"permissions": ["fly"]}, "permissions.0", "invalid_choice"),
        ({"permissions": "read"}, "permissions", "not_a_list"),
        ({"rate_limit": "0/m"}, "rate_limit", "invalid_rate"),
        ({"rate_limit": "ten/m"}, "rate_limit", "invalid_rate"),
        ({"rate_limit": "10/0s"}, "rate_limit", "invalid_rate"),
        ({"expires_at": "2001-01-01T00:00:00Z"}, "expires_at", "in_the_past"),
        ({"expires_at": "tomorrow"}, "expires_at", "invalid"),
        ({"colour": "red"}, "colour", "unknown_field"),
        ({"prefix": "chosen12"}, "prefix", "unknown_field"),
        ({"id": "00000000-0000-0000-0000-000000000000"}, "id", "unknown_field"),
    ],
)
def test_bad_field_gets_400_that_names_it(admin: Api, change: dict[str, Any], field: str, code: str) -> None:
    response = admin.post("/api/keys", {**NEW, **change})

    assert response.status_code == 400
    errors = response.json()["errors"]
    assert [(error["field"], error["code"]) for error in errors] == [(field, code)]
    assert APIKey.objects.count() == 1, "only the caller's own"


@pytest.mark.parametrize("actor", ["owner", "teammate"])
def test_key_without_admin_gets_403(actor: str, request: pytest.FixtureRequest) -> None:
    caller: Api = request.getfixturevalue(actor)

    response = caller.post("/api/keys", NEW)

    assert (response.status_code, response.json()["code"]) == (403, "PERMISSION_DENIED")
    assert APIKey.objects.count() == 1
