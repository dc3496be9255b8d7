"""GET /api/audit, and the entries that changes write."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from keys.models import APIKey
from mcp_project.audit.actions import Action
from mcp_project.audit.models import AuditEntry
from tests.support.api import Api


@pytest.fixture
def busy(admin: Api) -> str:
    """Makes, changes, rotates and revokes a key; its id."""
    new = {"name": "n", "owner": "ann", "permissions": ["read"], "allowed_ips": ["10.0.0.0/8"]}
    key_id = str(admin.post("/api/keys", new, X_Request_ID="make").json()["id"])
    admin("PATCH", f"/api/keys/{key_id}", {"rate_limit": "5/m", "enabled": False}, If_Match="*", X_Request_ID="change")
    admin.post(f"/api/keys/{key_id}/rotate", X_Request_ID="rotate")
    return key_id


def test_each_change_says_who_what_from_and_what_to(admin: Api, busy: str) -> None:
    entries = admin.get(f"/api/audit?object={busy}").json()["results"]

    assert [(entry["action"], entry["request_id"]) for entry in entries] == [
        ("revoke", "rotate"),
        ("update", "change"),
        ("create", "make"),
    ]
    assert {entry["actor"] for entry in entries} == {f"key:{admin.row.pk}"}
    assert entries[1]["changes"] == {"rate_limit": ["", "5/m"], "enabled": [True, False]}
    assert entries[2]["changes"]["allowed_ips"] == [None, ["10.0.0.0/8"]]
    assert entries[2]["object_name"] == "n"


def test_registry_writes_to_it_too(admin: Api, owner: Api) -> None:
    model = owner.post("/api/models", {"name": "churn", "tags": {"a": "b"}}).json()

    [entry] = admin.get(f"/api/audit?object={model['id']}").json()["results"]

    assert (entry["actor"], entry["action"], entry["object_type"]) == (
        f"key:{owner.row.pk}",
        "create",
        "registeredmodel",
    )
    assert entry["changes"]["tags"] == [None, {"a": "b"}]


def test_filters_narrow_the_trail(admin: Api, busy: str) -> None:
    def found(query: str) -> int:
        response = admin.get(f"/api/audit?{query}")
        assert response.status_code == 200, response.content
        return len(response.json()["results"])

    everything = AuditEntry.objects.count()
    hour = timedelta(hours=1)
    assert found("action=revoke") == 1
    assert found(f"actor=key:{admin.row.pk}") == 4
    assert found("request_id=change") == 1
    assert found("object_type=apikey") == everything
    assert found(f"since={(timezone.now() - hour).isoformat().replace('+', '%2B')}") == everything
    assert found(f"until={(timezone.now() - hour).isoformat().replace('+', '%2B')}") == 0


@pytest.mark.parametrize("query", ["since=yesterday", "until=%00", "objekt=1", "limit=0"])
def test_unclear_filter_gets_400(admin: Api, query: str) -> None:
    response = admin.get(f"/api/audit?{query}")

    assert response.status_code == 400
    assert response.json()["errors"][0]["field"] == query.partition("=")[0]


def test_trail_holds_no_secret_and_no_hash(admin: Api, busy: str) -> None:
    text = admin.get("/api/audit").content.decode()

    assert "sha512" not in text
    assert all(key.hashed_key not in text for key in APIKey.objects.all())


def test_change_and_entry_are_one_transaction(admin: Api, owner: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise DatabaseError("the trail cannot be written")

    monkeypatch.setattr("mcp_project.audit.trail.insert", fail)

    assert admin("PATCH", f"/api/keys/{owner.row.pk}", {"enabled": False}, If_Match="*").status_code == 500
    assert APIKey.objects.get(pk=owner.row.pk).enabled


@pytest.mark.parametrize(
    "statement",
    ["UPDATE audit_entry SET actor = 'nobody'", "DELETE FROM audit_entry", "TRUNCATE audit_entry"],
)
def test_database_refuses_to_rewrite_the_trail(admin: Api, statement: str) -> None:
    before = AuditEntry.objects.count()

    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)

    assert AuditEntry.objects.count() == before > 0


def test_page_of_the_trail_takes_one_query(
    admin: Api, busy: str, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    admin.get("/api/audit")

    with django_assert_num_queries(2):
        admin.get("/api/audit")


def test_key_without_admin_gets_403(owner: Api) -> None:
    assert owner.get("/api/audit").status_code == 403


@pytest.mark.parametrize(
    "moment", ["0001-01-01T00:00:00%2B23:59", "1824-09-07T01:42:10-00:13", "2026-01-31T12:00:00-23:59"]
)
def test_strange_moments_are_no_failure(admin: Api, moment: str) -> None:
    for name in ("since", "until"):
        assert admin.get(f"/api/audit?{name}={moment}").status_code in {200, 400}


def test_action_that_does_not_exist_is_refused_and_openapi_lists_those_that_do(admin: Api, outsider: Api) -> None:
    refused = admin.get("/api/audit?action=created")
    parameters = outsider.get("/api/schema").json()["paths"]["/api/audit"]["get"]["parameters"]

    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "action")
    [action] = [parameter for parameter in parameters if parameter["name"] == "action"]
    assert sorted(action["schema"]["enum"]) == sorted(Action.values)
