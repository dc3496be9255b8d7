"""POST /api/keys/revoke"""

import threading
from typing import Any

import pytest
from django.db import connection

from keys.authentication import known_keys
from keys.models import APIKey
from mcp_project.audit.models import AuditEntry
from tests.support.api import Api, api
from tests.support.server import Server, until


def test_every_key_of_the_owner_ends_and_no_other(admin: Api, teammate: Api) -> None:
    leaving = [api("leaving", "read") for _ in range(3)]
    admin.delete(f"/api/keys/{leaving[0].row.pk}")

    answer = admin.post("/api/keys/revoke", {"owner": "leaving"})

    assert (answer.status_code, answer.json()) == (200, {"revoked": 2})
    known_keys.clear()
    assert {caller.get("/api/models").json().get("code") for caller in leaving} == {"API_KEY_REVOKED"}
    assert teammate.get("/api/models").status_code == 200
    assert AuditEntry.objects.filter(action="revoke", actor=f"key:{admin.row.pk}").count() == 3


def test_it_is_all_or_nothing(admin: Api) -> None:
    for _ in range(3):
        api("leaving", "read")
    last = api("leaving", "read").row.pk
    with connection.cursor() as cursor:
        cursor.execute(f"""
            CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE raise_exception; END';
            CREATE TRIGGER fail BEFORE INSERT ON audit_entry FOR EACH ROW
                WHEN (NEW.object_id = '{last}') EXECUTE FUNCTION fail();
        """)

    assert admin.post("/api/keys/revoke", {"owner": "leaving"}).status_code == 500
    assert not APIKey.objects.filter(owner="leaving", revoked_at__isnull=False).exists()


@pytest.mark.wire
def test_key_that_is_being_made_or_rotated_is_not_missed(server: Server) -> None:
    """Clients of the owner go on making and rotating keys while all are revoked."""
    new = {"name": "n", "owner": "leaving", "permissions": ["read"], "rate_limit": "1000000/s"}
    with server.client(server.key) as admin:
        admin.post("/api/keys", json={**new, "owner": "platform", "permissions": ["admin"]})
        seeds = [admin.post("/api/keys", json=new).json()["key"] for _ in range(4)]
        revoked = threading.Event()
        left: list[str] = []

        def rotate_on(key: str) -> None:
            with server.client() as client:
                while not revoked.is_set():
                    answer = client.post("/api/keys/me/rotate", headers={"X-API-Key": key})
                    if answer.status_code != 201:
                        return
                    key = answer.json()["key"]
            left.append(key)

        threads = [threading.Thread(target=rotate_on, args=(key,)) for key in seeds]
        for thread in threads:
            thread.start()
        query = "/api/keys?owner=leaving&limit=1000"
        until(lambda: len(admin.get(query).json()["results"]) > 20, "they rotate")
        assert admin.post("/api/keys/revoke", json={"owner": "leaving"}).status_code == 200
        still = admin.get(query + "&status=active").json()["results"]
        revoked.set()
        for thread in threads:
            thread.join()

    assert still == []


@pytest.mark.parametrize("body", [{}, {"owner": ""}, {"owner": 7}, {"owners": "a"}, {"owner": "a", "x": 1}])
def test_unclear_request_gets_400(admin: Api, body: dict[str, Any]) -> None:
    assert admin.post("/api/keys/revoke", body).status_code == 400


def test_key_without_admin_gets_403(owner: Api) -> None:
    assert owner.post("/api/keys/revoke", {"owner": "owner"}).status_code == 403
