"""The verification of a key for another service that received it."""

from typing import Any

from keys.authentication import identify
from keys.limits.decision import Decision, Limits, whole_seconds
from keys.limits.failures import require_few_failures
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
    except DomainError as error:
        return {
            "valid": False,
            "code": error.code,
            "key_id": None,
            "owner": None,
            "permissions": [],
            "limits": None,
        }
    invalid, denied = _validity_error(principal, ip), _rights_error(principal, permission, model)
    limited, limits = None, None
    try:
        decision = limiter.spend(principal.limits, cost=1 if consume and not (invalid or denied) else 0)
    except DomainError as error:
        limited = error
    else:
        limits = standings(decision)
        limited = None if decision.admitted else refusal(decision)
    refused = invalid or limited or denied  # in the order of enforcement: keys.admission.RULES
    return {
        "valid": refused is None,
        "code": "VALID" if refused is None else refused.code,
        "key_id": principal.key_id,
        "owner": principal.owner,
        "permissions": sorted(principal.permissions),
        "limits": limits,
    }


def current_standings(limits: Limits) -> dict[str, dict[str, int] | None] | None:
    """The `standings` of now; None while the counters are unavailable and the key is not admitted without them."""
    try:
        return standings(limiter.spend(limits, cost=0))
    except DomainError:
        return None


def standings(decision: Decision) -> dict[str, dict[str, int] | None]:
    """The state of each limit as JSON; None for a limit that the key does not have, or whose state is unknown."""
    known = {
        limit.name: {"limit": limit.limit, "remaining": limit.remaining, "reset": whole_seconds(limit.reset)}
        for limit in decision.standings
    }
    return {name: known.get(name) for name in ("rate_limit", "daily_quota", "monthly_quota")}


def _validity_error(principal: Principal, ip: str | None) -> DomainError | None:
    """Check the rules "address" and "key"."""
    try:
        if ip is not None:
            require_few_failures(ip, remember=False)
        principal.require_valid(ip)
    except DomainError as error:
        return error
    return None


def _rights_error(principal: Principal, permission: str | None, model: str | None) -> DomainError | None:
    """Check the rules "permission" and "visibility"."""
    if permission is not None and not principal.may(permission):
        return Forbidden()
    return NotFound() if model is not None and not principal.may_see(model) else None
