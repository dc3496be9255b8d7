"""Why a request is refused, or would be: each rule on its way, asked by the code that enforces it."""

from collections.abc import Callable, Iterator
from typing import Any

from django.urls import Resolver404, ResolverMatch, resolve
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.generics import GenericAPIView

from keys.limits.failures import look_at_failures
from keys.limits.free import is_free
from keys.limits.headers import refusal
from keys.limits.limiter import limiter
from keys.principal import Principal
from keys.verification import what_is_left
from keys.visibility import look_up, request_for, view_for
from mcp_project.http.call import Request
from mcp_project.http.codes import status_of
from mcp_project.http.errors import from_exception

Rule = tuple[str, Callable[[], None]]


def explain(principal: Principal, method: str, path: str, address: str | None) -> dict[str, Any]:
    """Whether such a request would be admitted now, and what each rule says of it, in the order in which they are
    asked. Takes nothing from any limit. Without an address, the rules on addresses are left out."""
    request = request_for(principal, method, path, address)
    rules = [_asked(name, rule) for name, rule in _rules(request, principal, address)]
    refused = next((rule for rule in rules if not rule["admits"]), None)
    return {
        "admitted": refused is None,
        "refused_by": refused and refused["rule"],
        "status": refused and refused["status"],
        "code": refused and refused["code"],
        "detail": refused and refused["detail"],
        "retry_after": refused and refused["retry_after"],
        "rules": rules,
        "limits": what_is_left(principal.limits),
    }


def _rules(request: Request, principal: Principal, address: str | None) -> Iterator[Rule]:
    if request.call.governed:
        if address is not None:
            yield "address", lambda: look_at_failures(address)
        yield "key", lambda: principal.require_valid(address)
        if not is_free(request):
            yield "limits", lambda: _require_quota(principal)
    try:
        match = resolve(request.path_info)
    except Resolver404 as error:
        missing = error  # `error` ends with this block
        yield "route", lambda: _raise(missing)
        return
    yield "route", lambda: None
    yield from _view_rules(match, request)


def _view_rules(match: ResolverMatch, request: Request) -> Iterator[Rule]:
    """Those of a DRF view: what permission it wants, whether it takes the method, whether the key sees the thing."""
    view = view_for(match, request)
    if view is None:
        return
    method = "get" if request.method == "HEAD" else (request.method or "").lower()
    actions = getattr(view, "action_map", None)
    named = hasattr(view, method) if actions is None or method == "options" else method in actions
    takes = named and method in view.http_method_names
    yield "permission", lambda: view.initial(view.request, *match.args, **match.kwargs)
    yield "method", lambda: None if takes else _raise(MethodNotAllowed(method))
    if isinstance(view, GenericAPIView) and match.kwargs:
        yield "visibility", lambda: _look_up(view, method if takes else None)


def _require_quota(principal: Principal) -> None:
    decision = limiter.spend(principal.limits, cost=0)
    if not decision.admitted:
        raise refusal(decision)


def _look_up(view: Any, method: str | None) -> None:
    """A request that only reads is answered, as far as that is the same without a query; of others, what they are about
    is looked up."""
    look_up(view)
    if method == "get":
        getattr(view, getattr(view, "action_map", {}).get("get", "get"))(view.request, *view.args, **view.kwargs)


def _raise(error: Exception) -> None:
    raise error


def _asked(name: str, rule: Callable[[], None]) -> dict[str, Any]:
    try:
        rule()
    except Exception as error:  # as in a request: whatever it is becomes an answer
        answer = from_exception(error)
        return {
            "rule": name, "admits": False, "status": status_of(type(answer)), "code": answer.code,
            "detail": answer.detail, "retry_after": answer.retry_after,
        }  # fmt: skip
    return {"rule": name, "admits": True, "status": None, "code": None, "detail": None, "retry_after": None}
