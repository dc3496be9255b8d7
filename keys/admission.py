"""The rules of admission: everything that can refuse a request before its view does its work, in order.

RULES has three readers. The service enforces it: `authenticated` and `charged` run in keys.middleware, the length of
the body in HostMiddleware, and the other rules in Django and in the view. `explain` reports every rule, and `verify`
the rules that need no request. All of them use the same functions. `check` charges nothing and remembers nothing.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, cast

from django.http import HttpRequest
from django.urls import resolve
from rest_framework.exceptions import MethodNotAllowed

from keys.authentication import authenticate
from keys.credentials import credential
from keys.errors import LimiterUnavailable, WrongKey
from keys.limits.decision import Decision
from keys.limits.failures import count_wrong_key, require_few_failures, require_unblocked
from keys.limits.free import count_free, is_free
from keys.limits.headers import refusal
from keys.limits.limiter import limiter
from keys.principal import Principal
from keys.visibility import names_resource, view_of
from mcp_project.http.bodies import require_acceptable_length
from mcp_project.http.call import Request

NO_ADDRESS = ""  # the address of a supposed request whose address is not known


def authenticated(request: Request) -> Principal:
    """Enforces "address" and "key". Returns the request's principal. Raises TooManyFailures and Unauthenticated."""
    address = request.call.address
    require_unblocked(address)
    key = credential(request.META)
    try:
        return authenticate(key, address, lambda: require_few_failures(address))
    except WrongKey:
        count_wrong_key(address)
        raise


def charged(request: Request, principal: Principal) -> Decision:
    """Enforces "limits": charges the request, unless it is free. The decision may refuse it. Raises RateLimitExceeded
    for one free request too many, and LimiterUnavailable."""
    limits = principal.limits
    if not is_free(request):
        return limiter.spend(limits)
    request.call.measures["units"] = 0
    count_free(request, principal.key_id)
    try:
        return limiter.spend(limits, cost=0)
    except LimiterUnavailable:
        return Decision(limits, cost=0, admitted=True, outage="closed")


class Rule(NamedTuple):
    """One rule. `applies` and `check` take a real request, or a supposed one from keys.visibility.request_for."""

    name: str
    applies: Callable[[Request], bool]
    check: Callable[[Request], object]  # raises the error that the request gets; charges and remembers nothing


def _is_governed(request: Request) -> bool:
    return request.call.governed


def _has_address(request: Request) -> bool:
    return request.call.governed and request.call.address != NO_ADDRESS


def _require_good_address(request: Request) -> None:
    require_few_failures(request.call.address, remember=False)


def _require_good_key(request: Request) -> None:
    cast(Principal, request.call.principal).require_valid(request.call.address or None)


def _require_unused_limits(request: Request) -> None:
    if is_free(request):
        return
    decision = limiter.spend(cast(Principal, request.call.principal).limits, cost=0)
    if not decision.admitted:
        raise refusal(decision)


def _has_body(request: Request) -> bool:
    return "CONTENT_LENGTH" in request.META


def _always(_request: HttpRequest) -> bool:
    return True


def _require_route(request: Request) -> None:
    request.resolver_match = resolve(request.path_info)


def _has_view(request: Request) -> bool:
    return view_of(request) is not None


def _require_permission(request: Request) -> None:
    """Run the checks that Django REST framework runs before it looks at the method."""
    view = view_of(request)
    view.initial(view.request, *view.args, **view.kwargs)


def _takes_methods(request: Request) -> bool:
    match = request.resolver_match
    return match is not None and (hasattr(match.func, "cls") or hasattr(match.func, "view_class"))


def _require_method(request: Request) -> None:
    if not _takes_method(request):
        raise MethodNotAllowed(str(request.method))


def _takes_method(request: Request) -> bool:
    """Whether the view has the method: for a view set by the actions of its routes, for any other class by its own
    methods."""
    function: Any = request.resolver_match.func  # type: ignore[union-attr]
    view_class = getattr(function, "cls", None) or function.view_class
    method = "get" if request.method == "HEAD" else str(request.method).lower()
    actions = getattr(function, "actions", None)
    has = hasattr(view_class, method) if actions is None or method == "options" else method in actions
    return has and method in view_class.http_method_names


def _names_resource(request: Request) -> bool:
    return request.method != "OPTIONS" and names_resource(view_of(request))


def _require_visible(request: Request) -> None:
    view_of(request).find()


RULES = (
    Rule("address", _has_address, _require_good_address),
    Rule("key", _is_governed, _require_good_key),
    Rule("limits", _is_governed, _require_unused_limits),
    Rule("body", _has_body, require_acceptable_length),
    Rule("route", _always, _require_route),
    Rule("permission", _has_view, _require_permission),
    Rule("method", _takes_methods, _require_method),
    Rule("visibility", _names_resource, _require_visible),
)
NAMES = tuple(rule.name for rule in RULES)
