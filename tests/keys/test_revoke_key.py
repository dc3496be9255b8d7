"""DELETE /api/keys/{key_id}"""

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection
from django.test.utils import CaptureQueriesContext

from keys.authentication import known_keys
from keys.models import APIKey
from mcp_project.audit.models import AuditEntry
from tests.support.api import Api, api
from tests.support.server import WAITING, Server, count, database_of, until


def test_revoked_key_is_refused_and_stays_on_record(admin: Api, owner: Api) -> None:
    assert owner.get("/api/models").status_code == 200

    assert admin.delete(f"/api/keys/{owner.row.pk}").status_code == 204

    known_keys.clear()  # as KEY_CACHE_SECONDS does
    response = owner.get("/api/models")
    assert (response.status_code, response.json()["code"]) == (401, "API_KEY_REVOKED")
    record = admin.get(f"/api/keys/{owner.row.pk}").json()
    assert record["status"] == "revoked"
    assert record["revoked_at"] is not None


def test_revoking_twice_keeps_the_first_time(admin: Api, owner: Api) -> None:
    admin.delete(f"/api/keys/{owner.row.pk}")
    first = APIKey.objects.get(pk=owner.row.pk).revoked_at

    assert admin.delete(f"/api/keys/{owner.row.pk}").status_code == 204

    assert APIKey.objects.get(pk=owner.row.pk).revoked_at == first


def test_key_without_admin_cannot_revoke(owner: Api, teammate: Api) -> None:
    assert teammate.delete(f"/api/keys/{owner.row.pk}").status_code == 403
    assert not APIKey.objects.get(pk=owner.row.pk).revoked


def chain(first: APIKey, length: int) -> APIKey:
    """The last successor that a thief makes of a key by rotating it again and again, with an overlap."""
    keys = [first]
    for number in range(length):
        last = keys[-1]
        row = APIKey(
            name="n", owner="owner", permissions=["read"], prefix=f"{length % 7}{number:07}", hashed_key="x",
            pool_id=first.pool_id, rotated_from=last, created_by=f"key:{last.pk}",
        )  # fmt: skip
        keys.append(row)
    APIKey.objects.bulk_create(keys[1:])
    return keys[-1]


def test_number_of_statements_does_not_depend_on_the_number_of_successors(admin: Api) -> None:
    counts = []
    for length in (1, 1_500):
        stolen = api("owner", "read")
        last = chain(stolen.row, length)
        known_keys.clear()  # so that the key is read now, and not within the statements that are counted
        admin.get("/api/models")
        with CaptureQueriesContext(connection) as queries:
            assert admin.delete(f"/api/keys/{stolen.row.pk}").status_code == 204
        counts.append(len(queries))
        assert not APIKey.objects.filter(pool_id=stolen.row.pool_id, revoked_at=None).exists()

    assert counts[0] == counts[1]
    entries = AuditEntry.objects.filter(action="revoke", actor=f"key:{admin.row.pk}")
    assert entries.count() == 1 + 1 + 1 + 1_500
    last.refresh_from_db()
    assert entries.filter(object_id=str(last.pk), object_name="n", changes={"revoked_at": [None, shown(last)]}).exists()
    assert {entry.pk.version for entry in entries} == {7}


def shown(key: APIKey) -> str:
    return str(DjangoJSONEncoder().default(key.revoked_at))


def test_all_keys_of_an_owner_are_revoked_in_as_many_statements_as_one(admin: Api) -> None:
    counts = []
    for number in (1, 300):
        APIKey.objects.bulk_create(
            APIKey(
                name="n", owner=f"leaving-{number}", prefix=f"{number}-{index}", hashed_key="x", permissions=["read"]
            )
            for index in range(number)
        )
        admin.get("/api/models")
        with CaptureQueriesContext(connection) as queries:
            assert admin.post("/api/keys/revoke", {"owner": f"leaving-{number}"}).json() == {"revoked": number}
        counts.append(len(queries))

    assert counts[0] == counts[1]


@pytest.mark.parametrize("all_of_owner", [False, True], ids=["one", "all of an owner"])
def test_time_limit_of_statements_does_not_keep_keys_from_being_revoked(
    admin: Api, owner: Api, all_of_owner: bool
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("""
            CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.6); RETURN NEW; END';
            CREATE TRIGGER linger BEFORE UPDATE ON keys_apikey FOR EACH ROW EXECUTE FUNCTION linger();
            SET LOCAL statement_timeout = '500ms';
        """)

    if all_of_owner:
        answer = admin.post("/api/keys/revoke", {"owner": "owner"})
    else:
        answer = admin.delete(f"/api/keys/{owner.row.pk}")

    assert answer.status_code in {200, 204}, answer.content
    assert APIKey.objects.get(pk=owner.row.pk).revoked


@pytest.mark.wire
def test_successor_that_is_being_made_meanwhile_is_revoked_too(patient_server: Server) -> None:
    """The successor of a successor is inserted and not committed, under another owner, when its first is revoked."""
    server = patient_server
    new = {"name": "n", "owner": "ann", "permissions": ["read"]}
    with server.client(server.key) as admin, ThreadPoolExecutor(2) as pool:
        first = admin.post("/api/keys", json=new).json()
        second = rotated(server, first["key"]).json()
        moved = admin.patch(f"/api/keys/{second['id']}", json={"owner": "bob"}, headers={"If-Match": "*"})
        assert moved.status_code == 200
        with database_of(server) as holding, database_of(server) as watching:
            with holding.transaction():
                holding.execute("LOCK TABLE audit_entry IN EXCLUSIVE MODE")
                rotating = pool.submit(rotated, server, second["key"])
                until(lambda: count(watching, WAITING) == 1, "the rotation waits, its successor is there")
                revoking = pool.submit(revoked, server, first["id"])
                until(lambda: count(watching, WAITING) == 2, "the revocation waits for the rotation")
            assert (rotating.result().status_code, revoking.result().status_code) == (201, 204)

        third = rotating.result().json()
        assert {admin.get(f"/api/keys/{key['id']}").json()["status"] for key in (first, second, third)} == {"revoked"}
        with server.client(third["key"]) as thief:
            assert thief.get("/api/models").json()["code"] == "API_KEY_REVOKED"


def rotated(server: Server, key: str) -> httpx.Response:
    with server.client(key) as client:
        return client.post("/api/keys/me/rotate", json={"overlap_seconds": 60})


def revoked(server: Server, key_id: str) -> httpx.Response:
    with server.client(server.key) as client:
        return client.delete(f"/api/keys/{key_id}")


@pytest.mark.wire
def test_thief_who_rotates_on_has_no_key_left(server: Server) -> None:
    new = {"name": "n", "owner": "ann", "permissions": ["read"], "rate_limit": "100000/s"}
    with server.client(server.key) as admin, ThreadPoolExecutor(1) as pool:
        first = admin.post("/api/keys", json=new).json()
        made = [first["key"]]

        def rotate_on() -> int:
            while (answer := rotated(server, made[-1])).status_code == 201:
                made.append(answer.json()["key"])
            return answer.status_code

        rotating = pool.submit(rotate_on)
        until(lambda: len(made) > 20, "the thief rotates")
        assert admin.delete(f"/api/keys/{first['id']}").status_code == 204
        assert admin.get("/api/keys?owner=ann&status=active").json()["results"] == []
        assert rotating.result() in {401, 409}
        assert admin.get("/api/keys?owner=ann&status=active").json()["results"] == []
