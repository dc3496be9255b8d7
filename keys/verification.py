"""Whether a key that some other service was shown is good for what it was shown for."""

from typing import Any

from keys.authentication import identify
from keys.limits.decision import Decision, Limits, whole_seconds
from keys.limits.headers import refusal
from keys.limits.limiter import limiter
from keys.principal import Principal
from mcp_project.errors import DomainError, Forbidden, NotFound


def verify(key: str, permission: str | None, model: str | None, ip: str | None, consume: bool) -> dict[str, Any]:
    """The answer of `POST /api/keys/verify`: what enforcement itself would decide, by the same functions.

    With `consume`, a key that is good otherwise is charged one request, and is valid only if its limits admit that.
    """
    try:
        principal = identify(key)
    except DomainError as unknown:
        return {
            "valid": False,
            "code": unknown.code,
            "key_id": None,
            "owner": None,
            "permissions": [],
            "limits": None,
        }
    error, limits = _refusal(principal, permission, model, ip), None
    try:
        decision = limiter.spend(principal.limits, cost=1 if consume and error is None else 0)
    except DomainError as away:
        error = error or type(away)
    else:
        limits = standings(decision)
        if error is None and not decision.admitted:
            error = type(refusal(decision))
    return {
        "valid": error is None,
        "code": "VALID" if error is None else error.code,
        "key_id": principal.key_id,
        "owner": principal.owner,
        "permissions": sorted(principal.permissions),
        "limits": limits,
    }


def what_is_left(limits: Limits) -> dict[str, dict[str, int] | None] | None:
    """As `standings`, asked now; None while the counters are away and the key is not admitted without them."""
    try:
        return standings(limiter.spend(limits, cost=0))
    except DomainError:
        return None


def standings(decision: Decision) -> dict[str, dict[str, int] | None]:
    """What is left of each limit, for a client to read; None of one that there is not, or that nobody knows."""
    known = {
        limit.name: {"limit": limit.limit, "remaining": limit.remaining, "reset": whole_seconds(limit.reset)}
        for limit in decision.standings
    }
    return {name: known.get(name) for name in ("rate_limit", "daily_quota", "monthly_quota")}


def _refusal(
    principal: Principal, permission: str | None, model: str | None, ip: str | None
) -> type[DomainError] | None:
    error: type[DomainError] | None = principal.refusal(ip)
    if error is None and permission is not None and not principal.may(permission):
        error = Forbidden
    if error is None and model is not None and not principal.may_see(model):
        error = NotFound
    return error
