"""Whether a key that some other service was shown is good for what it was shown for."""

from typing import Any

from keys.authentication import identify
from keys.limits.buckets import Decision, peek, spend
from keys.principal import Principal
from mcp_project.errors import ApiError


def verify(key: str, permission: str | None, model: str | None, ip: str | None, consume: bool) -> dict[str, Any]:
    """The answer of `POST /api/keys/verify`: what enforcement itself would decide, by the same functions.

    With `consume`, a key that is good otherwise is charged one request, and is valid only if its rate admits that.
    """
    try:
        principal = identify(key)
    except ApiError as error:
        return {
            "valid": False,
            "code": error.code,
            "key_id": None,
            "owner": None,
            "permissions": [],
            "rate_limit": None,
        }
    code = _refusal(principal, permission, model, ip)
    decision = (spend if consume and code is None else peek)(principal.pool_id, principal.rate)
    if code is None and not decision.admitted:
        code = "RATE_LIMIT_EXCEEDED"
    return {
        "valid": code is None,
        "code": code or "VALID",
        "key_id": principal.key_id,
        "owner": principal.owner,
        "permissions": sorted(principal.permissions),
        "rate_limit": standing(decision),
    }


def standing(decision: Decision) -> dict[str, int]:
    """What is left of a rate, for a client to read."""
    return {"limit": decision.limit, "remaining": decision.remaining, "reset": decision.reset}


def _refusal(principal: Principal, permission: str | None, model: str | None, ip: str | None) -> str | None:
    code = principal.refusal(ip)
    if code is None and permission is not None and not principal.may(permission):
        code = "PERMISSION_DENIED"
    if code is None and model is not None and not principal.may_see(model):
        code = "NOT_FOUND"
    return code
