"""A key is judged again before what its request changes is committed, where it was judged too long ago. In process: the
key changes after its request was authenticated, and KEY_CACHE_SECONDS of 0 makes each judgement too old."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from drf_spectacular.generators import SchemaGenerator

from keys.authentication import known_keys
from keys.judgement import Judgement
from keys.limits.decision import Limits
from keys.limits.limiter import limiter
from keys.models import APIKey
from mcp_project.audit.models import AuditEntry
from mcp_project.idempotency.models import KeptResponse
from registry.models import RegisteredModel
from tests.support.api import Api, api
from tests.support.deployments import change, deploy, make_model
from tests.support.error_shape import check_shape
from tests.support.resources import context, context_version

CHANGES: dict[tuple[str, str], Any] = {
    ("POST", "/api/contexts"): {"name": "new"},
    ("PATCH", "/api/contexts/{context_id}"): {"description": "new"},
    ("DELETE", "/api/contexts/{context_id}"): None,
    ("PUT", "/api/contexts/{context_id}/aliases/{alias}"): {"version": 1},
    ("DELETE", "/api/contexts/{context_id}/aliases/{alias}"): None,
    ("POST", "/api/contexts/{context_id}/aliases/{alias}/rollback"): None,
    ("POST", "/api/contexts/{context_id}/versions"): {"messages": [{"role": "system", "template": "Hello"}]},
    ("POST", "/api/deployments"): {
        "name": "new", "environment": "production", "endpoint": "https://models.example.com/new",
        "targets": [{"model": "churn", "version": 1}],
    },
    ("PATCH", "/api/deployments/{deployment_id}"): {"description": "new"},
    ("DELETE", "/api/deployments/{deployment_id}"): None,
    ("POST", "/api/deployments/{deployment_id}/rollback"): {"revision": 1},
    ("POST", "/api/keys"): {"name": "new", "owner": "o", "permissions": ["admin"]},
    ("PATCH", "/api/keys/{key_id}"): {"rate_limit": "7/s"},
    ("DELETE", "/api/keys/{key_id}"): None,
    ("POST", "/api/keys/{key_id}/rotate"): None,
    ("POST", "/api/keys/me/rotate"): None,
    ("POST", "/api/keys/revoke"): {"owner": "teammate"},
    ("POST", "/api/models"): {"name": "new"},
    ("PATCH", "/api/models/{model_id}"): {"description": "new"},
    ("DELETE", "/api/models/{model_id}"): None,
    ("PUT", "/api/models/{model_id}/aliases/{alias}"): {"version": 1},
    ("DELETE", "/api/models/{model_id}/aliases/{alias}"): None,
    ("POST", "/api/models/{model_id}/aliases/{alias}/rollback"): None,
    ("POST", "/api/models/{model_id}/versions"): {"source": "s3://b/new"},
    ("PATCH", "/api/models/{model_id}/versions/{version}"): {"description": "new"},
    ("DELETE", "/api/models/{model_id}/versions/{version}"): None,
    ("POST", "/api/models/{model_id}/versions/{version}/stage"): {"stage": "Staging"},
    ("POST", "/api/models:batch"): [{"name": "new"}],
}  # fmt: skip
NO_CHANGES = {
    ("POST", "/api/contexts/{context_id}/versions/{version}/render"),
    ("POST", "/api/keys/verify"),
}
Meanwhile = Callable[[Api, dict[str, Any]], None]


@pytest.fixture(autouse=True)
def _every_judgement_is_too_old(settings: Any) -> None:
    settings.KEY_CACHE_SECONDS = 0


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Meanwhile:
    """Lets the row of a caller's key become something else after each of its requests was authenticated."""
    spend = limiter.spend

    def prepare(caller: Api, fields: dict[str, Any]) -> None:
        def change_and_spend(limits: Limits, cost: int = 1) -> Any:
            if limits.pool_id == caller.row.pool_id:  # not the pool of wrong keys, before the authentication
                APIKey.objects.filter(pk=caller.row.pk).update(**fields)
            return spend(limits, cost)

        monkeypatch.setattr(limiter, "spend", change_and_spend)

    return prepare


def test_every_operation_of_the_document_is_looked_at() -> None:
    paths = SchemaGenerator().get_schema(public=True)["paths"]  # type: ignore[no-untyped-call]
    writing = {
        (method.upper(), path)
        for path, operations in paths.items()
        for method in operations
        if method in {"post", "put", "patch", "delete"}
    }

    assert writing == {*CHANGES, *NO_CHANGES}


def send(caller: Api, operation: tuple[str, str], key_id: UUID, **headers: str) -> Any:
    method, template = operation
    numbers = {"version": 2 if method == "DELETE" else 1, "alias": "challenger"}
    names = {"context_id": "support", "model_id": "churn", "deployment_id": "live", "key_id": key_id}
    if method in {"PATCH", "PUT"}:
        headers["If_Match"] = "*"
    return caller(method, template.format(**numbers, **names), CHANGES[operation], **headers)


@pytest.fixture
def things(admin: Api) -> None:
    """The resources of the operations; the alias `challenger` of each has moved from version 1 to 2."""
    make_model("churn", versions=2)
    context(admin)
    for _ in range(2):
        context_version(admin)
    for kind in ("models/churn", "contexts/support"):
        for number in (1, 2):
            moved = admin("PUT", f"/api/{kind}/aliases/challenger", {"version": number}, If_Match="*")
            assert moved.status_code == 200, moved.content
    make_model("other")
    deploy(admin, {"model": "other", "version": 1}, name="live")
    change(admin, "live", description="changed")


@pytest.mark.parametrize("idempotent", [False, True], ids=["", "idempotent"])
@pytest.mark.parametrize("operation", CHANGES, ids=" ".join)
def test_no_operation_is_done_for_a_key_that_was_revoked_meanwhile(
    operation: tuple[str, str], idempotent: bool, admin: Api, teammate: Api, things: None, meanwhile: Meanwhile
) -> None:
    headers = {"Idempotency_Key": "a"} if idempotent else {}
    entries = AuditEntry.objects.count()
    meanwhile(admin, {"revoked_at": timezone.now()})

    answer = send(admin, operation, teammate.row.pk, **headers)

    check_shape(answer, 401, "API_KEY_REVOKED")
    assert "WWW-Authenticate" in answer
    assert (AuditEntry.objects.count(), KeptResponse.objects.count()) == (entries, 0)
    APIKey.objects.filter(pk=admin.row.pk).update(revoked_at=None)
    meanwhile(admin, {"revoked_at": None})
    assert send(admin, operation, teammate.row.pk, **headers).status_code in {200, 201, 204}, "else it is done"
    assert AuditEntry.objects.count() > entries


PAST = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"revoked_at": PAST}, 401, "API_KEY_REVOKED"),
        ({"expires_at": PAST}, 401, "API_KEY_EXPIRED"),
        ({"enabled": False}, 401, "API_KEY_DISABLED"),
        ({"allowed_ips": ["192.0.2.7"]}, 401, "IP_NOT_ALLOWED"),
        ({"permissions": ["read"]}, 403, "PERMISSION_DENIED"),
        ({"model_patterns": ["other*"]}, 403, "PERMISSION_DENIED"),
        ({"owner": "somebody else"}, 403, "PERMISSION_DENIED"),
    ],
    ids=str,
)
@pytest.mark.parametrize("idempotent", [False, True], ids=["", "idempotent"])
def test_nothing_is_done_for_a_key_that_lost_something_meanwhile(
    fields: dict[str, Any], status: int, code: str, idempotent: bool, owner: Api, meanwhile: Meanwhile
) -> None:
    meanwhile(owner, fields)

    answer = owner.post("/api/models", {"name": "m"}, **({"Idempotency_Key": "a"} if idempotent else {}))

    check_shape(answer, status, code)
    assert not RegisteredModel.objects.exists()
    assert not KeptResponse.objects.exists()


@pytest.mark.parametrize(
    "fields",
    [
        {"permissions": ["read", "write", "invoke"]},
        {"permissions": ["admin"]},
        {"model_patterns": None},
        {"model_patterns": ["a", "m*", "o"]},
        {"allowed_ips": ["127.0.0.0/8"]},
        {"rate_limit": "7/s", "daily_quota": 7, "name": "renamed", "expires_at": None},
    ],
    ids=str,
)
def test_what_takes_nothing_from_the_key_does_not_end_its_request(
    fields: dict[str, Any], db: None, meanwhile: Meanwhile
) -> None:
    caller = api("caller", "read", "write", model_patterns=["m*", "o"])
    meanwhile(caller, fields)

    assert caller.post("/api/models", {"name": "m"}).status_code == 201


@pytest.mark.parametrize("overlap", [0, 60])
def test_key_may_end_itself(overlap: int, admin: Api, teammate: Api) -> None:
    """A request that changes its own key is not stopped by that change."""
    successor = Api(teammate.post("/api/keys/me/rotate", {"overlap_seconds": overlap}).json()["key"])
    assert successor.get("/api/models").status_code == 200

    mine = f"/api/keys/{admin.row.pk}"
    spare = api("platform", "admin")
    assert admin("PATCH", mine, {"permissions": ["read"], "rate_limit": "9/s"}, If_Match="*").status_code == 200
    assert spare.delete(f"/api/keys/{spare.row.pk}").status_code == 204
    last = api("platform", "admin")
    assert last.post("/api/keys/revoke", {"owner": "platform"}).json() == {"revoked": 2}
    assert not APIKey.objects.filter(owner="platform", revoked_at=None).exists()


def test_judgement_of_a_moment_ago_costs_no_query(owner: Api, settings: Any) -> None:
    counts = []
    for seconds in (3600, 0):
        settings.KEY_CACHE_SECONDS = seconds
        known_keys.clear()
        with CaptureQueriesContext(connection) as queries:
            assert owner.post("/api/models", {"name": f"m{seconds}"}).status_code == 201
        counts.append(len(queries))

    assert counts[1] - counts[0] == 1


def test_judgement_is_one_for_all_that_an_idempotency_key_spans(owner: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    renewed = []
    renew = Judgement.renew

    def note_and_renew(judgement: Judgement) -> None:
        renewed.append(judgement)
        renew(judgement)

    monkeypatch.setattr(Judgement, "renew", note_and_renew)

    assert owner.post("/api/models", {"name": "m"}, Idempotency_Key="a").status_code == 201
    assert len(renewed) == 1
    assert owner.post("/api/models", {"name": "m"}, Idempotency_Key="a").status_code == 201
    assert len(renewed) == 2, "a repeat may have waited for the first"
