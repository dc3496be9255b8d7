"""The OpenAPI document's texts and examples for keys and the audit trail."""

from typing import Any

from mcp_project.http.documentation import Operation

KEY_ID = "0198a4e2-5d10-7c3e-8f21-6b9d0c4e7a01"
POOL_ID = "0198a4e2-5d10-7c3e-8f21-6b9d0c4e7a02"
SECRET = "mcp_8Qw3rTz1.4kJ9sLx2VbN7mQp0RtY6uWe3IoAa1GhDzK5cFX"  # noqa: S105  (its checksum is wrong)

SETTABLE: dict[str, Any] = {
    "name": "nightly training",
    "owner": "data-science",
    "permissions": ["read", "write"],
    "models": ["churn*"],
    "allowed_ips": ["10.0.0.0/8"],
    "rate_limit": "600/m",
    "daily_quota": 50000,
    "monthly_quota": None,
    "on_outage": "closed",
    "enabled": True,
    "metadata": {"ticket": "OPS-17"},
    "expires_at": "2030-01-31T12:00:00Z",
}
KEY: dict[str, Any] = {
    "id": KEY_ID,
    "prefix": "8Qw3rTz1",
    "pool_id": POOL_ID,
    **SETTABLE,
    "status": "active",
    "last_used_at": "2026-01-31T12:00:00Z",
    "revoked_at": None,
    "rotated_from": None,
    "created_at": "2026-01-30T08:15:00Z",
    "created_by": "key:0198a4e0-1111-7a2b-9c3d-4e5f60718293",
}
CREATED_KEY = {"key": SECRET, **KEY, "last_used_at": None}
SUCCESSOR = {**CREATED_KEY, "id": "0198a4e2-9a77-7f00-8d35-2c1b3a495867", "rotated_from": KEY_ID}
LIMITS = {
    "rate_limit": {"limit": 600, "remaining": 599, "reset": 1},
    "daily_quota": {"limit": 50000, "remaining": 48210, "reset": 43200},
    "monthly_quota": None,
}
ADMITS: dict[str, Any] = {"admits": True, "status": None, "code": None, "detail": None, "retry_after": None}
DENIAL: dict[str, Any] = {
    "status": 403,
    "code": "PERMISSION_DENIED",
    "detail": "The key lacks the permission that this takes.",
    "retry_after": None,
}
ENTRY: dict[str, Any] = {
    "id": "0198a4e2-7e00-7a11-9b22-5c3d4e5f6071",
    "at": "2026-01-31T12:00:00Z",
    "actor": f"key:{KEY_ID}",
    "action": "update",
    "object_type": "registeredmodel",
    "object_id": "0198a4e2-7c1f-7d3a-9b52-3f1f6d0c8a11",
    "object_name": "churn",
    "changes": {"task": ["classification", "ranking"]},
    "request_id": "6f0c1d2e3a4b5c6d7e8f90a1b2c3d4e5",
}


def page(*results: Any) -> dict[str, Any]:
    """A page of a list that has no other."""
    return {"next": None, "previous": None, "results": list(results)}


OPERATIONS = {
    "POST /api/keys": Operation(
        "Create a key",
        "The response is the only one that holds the secret, in `key`. What is not sent has its default: the service's "
        "rate, no quotas, all models, all addresses, and an end after `KEY_DEFAULT_TTL_DAYS`.",
        request=SETTABLE,
        response=CREATED_KEY,
    ),
    "GET /api/keys": Operation(
        "List keys",
        "Newest first, with revoked and expired keys, and without secrets.",
        response=page(KEY),
    ),
    "GET /api/keys/{key_id}": Operation(
        "Read a key", "Its rights, limits and state, never its secret. `ETag` is for a later change.", response=KEY
    ),
    "PATCH /api/keys/{key_id}": Operation(
        "Change a key",
        "Only the fields that are sent change. The response is 412 if the key has changed since it was read, and 409 "
        "if it is revoked. A change of limits also changes those of keys that spend from the same counters.",
        request={"rate_limit": "100/m", "enabled": False},
        response={**KEY, "rate_limit": "100/m", "enabled": False, "status": "disabled"},
    ),
    "DELETE /api/keys/{key_id}": Operation(
        "Revoke a key",
        "The revocation is final, holds on every worker within a second, and includes successors that the key made "
        "itself. The key stays on record.",
    ),
    "GET /api/keys/{key_id}/explain": Operation(
        "Explain why a request is refused",
        "Reports what each rule of admission says about such a request with this key, at this moment, and which one "
        "refuses it. The rules are those that are enforced. The key is not charged. A body is not considered.",
        response={
            "admitted": False,
            "refused_by": "permission",
            **DENIAL,
            "rules": [
                {"rule": "address", **ADMITS},
                {"rule": "key", **ADMITS},
                {"rule": "limits", **ADMITS},
                {"rule": "route", **ADMITS},
                {"rule": "permission", **ADMITS, "admits": False, **DENIAL},
                {"rule": "method", **ADMITS},
            ],
            "limits": LIMITS,
        },
    ),
    "POST /api/keys/{key_id}/rotate": Operation(
        "Rotate a key",
        "Creates a successor: a new secret with the same rights, which spends from the same limits. The old secret "
        "works until the overlap ends. A key that has a successor cannot be rotated again.",
        request={"overlap_seconds": 3600},
        response=SUCCESSOR,
    ),
    "POST /api/keys/revoke": Operation(
        "Revoke all keys of an owner",
        "Revokes all of them in one step, or none. The revocation is final.",
        request={"owner": "data-science"},
        response={"revoked": 3},
    ),
    "POST /api/keys/verify": Operation(
        "Verify a key for another service",
        "For a service that is shown keys by its own clients: whether a key is valid for a permission, a model and an "
        "address, as enforcement would decide now. What is left out is not checked.",
        request={"key": SECRET, "permission": "read", "model": "churn", "ip": "10.1.2.3", "consume": True},
        response={
            "valid": True,
            "code": "VALID",
            "key_id": KEY_ID,
            "owner": "data-science",
            "permissions": ["read", "write"],
            "limits": LIMITS,
        },
    ),
    "GET /api/keys/me": Operation(
        "Read your own key",
        "The rights of the key that sends the request, and what is left of its limits. The request is not charged.",
        response={**KEY, "limits": LIMITS},
    ),
    "POST /api/keys/me/rotate": Operation(
        "Rotate your own key",
        "Creates a successor of the key that sends the request: a new secret with the same rights and limits. Send an "
        "overlap and an `Idempotency-Key`, so that a response that is lost can be requested again.",
        request={"overlap_seconds": 3600},
        response=SUCCESSOR,
    ),
    "GET /api/audit": Operation(
        "List changes",
        "Every change to a key, a model, a context or a deployment, newest first: who made it, when, and each field "
        "before and after. A key that is bound to models sees the changes of what it may see.",
        response=page(ENTRY),
    ),
}

EXAMPLES = {"key_id": KEY_ID, "path": "/api/models", "method": "POST", "ip": "10.1.2.3"}

PARAMETERS = {
    "key_id": "The key's id.",
    "prefix": "Only the key with this prefix: the eight characters after `mcp_`.",
    "permission": "Only keys that list this permission.",
    "GET /api/keys status": "Only keys in this state.",
    "action": "Only changes of this kind.",
    "actor": "Only changes by this actor: `key:<id>`, `user:<name>`, `command` or `init`.",
    "object": "Only changes of the object with this id.",
    "object_type": "Only changes of objects of this type.",
    "request_id": "Only what this request did: the id is that of its `X-Request-ID`.",
    "since": "Only changes at this time or later.",
    "until": "Only changes before this time.",
}

FIELDS = {
    "prefix": "The public part of the key, which lists and logs show.",
    "pool_id": "The counters that the key spends from. A key and its successors share them.",
    "permissions": "What the key may do. `admin` includes all others.",
    "allowed_ips": "Addresses or networks that the key may be used from; null: all.",
    "daily_quota": "Requests a day, in UTC; null: no limit.",
    "monthly_quota": "Requests a month, in UTC; null: no limit.",
    "enabled": "Whether the key is switched on.",
    "expires_at": "When the key expires; null: never.",
    "last_used_at": "When the key was last used, to the minute; null: never.",
    "revoked_at": "When the key was revoked; null: it is not.",
    "rotated_from": "The key that this one succeeds; null: none.",
    "overlap_seconds": "For how many seconds the old secret keeps working; 0 ends it now.",
    "limits": "The state of each limit; null while the counters cannot be read.",
    "PermissionEnum": "A permission of a key.",
    "KeyStatusEnum": "The state of a key.",
    "OnOutageEnum": "How requests are decided while the limiter's counters cannot be reached.",
    "RuleEnum": "A rule of admission.",
    "AuditEntry.action": "The kind of change.",
    "AuditEntry.object_type": "The type of the object that changed.",
    "AuditEntry.object_id": "The id of the object that changed.",
    "AuditEntry.object_name": "The name of the object at that time.",
}
for _schema in ("Key", "CreatedKey", "NewKey", "OwnKey"):
    FIELDS |= {
        f"{_schema}.name": "What the key is for. Names of keys need not be unique.",
        f"{_schema}.owner": "The person or team that the key belongs to.",
        f"{_schema}.metadata": "A JSON object of your own, up to 8 KiB.",
    }
for _schema in ("Key", "CreatedKey", "OwnKey"):
    FIELDS |= {
        f"{_schema}.models": "Names of models that the key may see, with `*` for any text; null: all.",
        f"{_schema}.status": "The state of the key.",
    }
FIELDS |= {
    "Owner.owner": "The owner whose keys are revoked.",
    "Answer.valid": "Whether the key is valid for the permission, the model and the address of the request.",
    "Answer.key_id": "The key's id; null if there is no such key.",
    "Answer.owner": "The key's owner; null if there is no such key.",
    "Question.key": "The whole key, as it was shown.",
    "Question.permission": "A permission that the key must have.",
    "Question.model": "The name of a model that the key must be able to see.",
    "Standing.limit": "The number of requests of the limit.",
    "Limits.rate_limit": "The state of the rate.",
    "Limits.daily_quota": "The state of the daily quota.",
    "Limits.monthly_quota": "The state of the monthly quota.",
    "Explanation.admitted": "Whether the request would be admitted.",
    "Rule.rule": "The rule.",
    "Rule.admits": "Whether it admits the request.",
}
for _schema in ("Explanation", "Rule"):
    FIELDS |= {
        f"{_schema}.code": "The code of the refusal; null when admitted.",
        f"{_schema}.detail": "The text of the refusal; null when admitted.",
    }
