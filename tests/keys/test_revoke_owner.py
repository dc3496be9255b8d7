"""POST /api/keys/revoke"""

from typing import Any

import pytest
from django.db import DatabaseError

from keys.authentication import known_keys
from keys.models import APIKey, AuditEntry
from tests.conftest import Api, api


def test_every_key_of_the_owner_ends_and_no_other(admin: Api, teammate: Api) -> None:
    leaving = [api("leaving", "read") for _ in range(3)]
    admin.delete(f"/api/keys/{leaving[0].row.pk}")

    answer = admin.post("/api/keys/revoke", {"owner": "leaving"})

    assert (answer.status_code, answer.json()) == (200, {"revoked": 2})
    known_keys.clear()
    assert {caller.get("/api/models").json().get("code") for caller in leaving} == {"API_KEY_REVOKED"}
    assert teammate.get("/api/models").status_code == 200
    assert AuditEntry.objects.filter(action="revoke", actor=f"key:{admin.row.pk}").count() == 3


def test_it_is_all_or_nothing(admin: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        api("leaving", "read")

    def fail(*_: Any, **__: Any) -> None:
        raise DatabaseError("the trail cannot be written")

    monkeypatch.setattr(AuditEntry.objects, "bulk_create", fail)

    assert admin.post("/api/keys/revoke", {"owner": "leaving"}).status_code == 500
    assert not APIKey.objects.filter(owner="leaving", revoked_at__isnull=False).exists()


@pytest.mark.parametrize("body", [{}, {"owner": ""}, {"owner": 7}, {"owners": "a"}, {"owner": "a", "x": 1}])
def test_unclear_request_gets_400(admin: Api, body: dict[str, Any]) -> None:
    assert admin.post("/api/keys/revoke", body).status_code == 400


def test_key_without_admin_gets_403(owner: Api) -> None:
    assert owner.post("/api/keys/revoke", {"owner": "owner"}).status_code == 403
