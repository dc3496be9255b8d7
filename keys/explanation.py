"""Why a request is refused, or would be: what each rule of admission says of it."""

from typing import Any

from keys.admission import RULES, Rule
from keys.principal import Principal
from keys.verification import current_standings
from keys.visibility import request_for
from mcp_project.http.call import Request
from mcp_project.http.errors import from_exception, rendered


def explain(
    principal: Principal, method: str, path: str, address: str | None = None, content_length: int | None = None
) -> dict[str, Any]:
    """Report whether such a request would be admitted now, and the outcome of each rule in the order of enforcement.
    Charges nothing.

    Without an address, the rules on addresses are left out; without the length of the body, the rule on bodies is.
    """
    request = request_for(principal, method, path, address, content_length)
    rules = [_report(rule, request) for rule in RULES if rule.applies(request)]
    refused = next((rule for rule in rules if not rule["admits"]), None)
    return {
        "admitted": refused is None,
        "refused_by": refused and refused["rule"],
        "status": refused and refused["status"],
        "code": refused and refused["code"],
        "detail": refused and refused["detail"],
        "retry_after": refused and refused["retry_after"],
        "rules": rules,
        "limits": current_standings(principal.limits),
    }


def _report(rule: Rule, request: Request) -> dict[str, Any]:
    try:
        rule.check(request)
    except Exception as exception:  # as for a request: every exception becomes a response
        error = from_exception(exception)
        return {
            "rule": rule.name, "admits": False, "status": rendered(request.call, error).status, "code": error.code,
            "detail": error.detail, "retry_after": error.retry_after,
        }  # fmt: skip
    return {"rule": rule.name, "admits": True, "status": None, "code": None, "detail": None, "retry_after": None}
