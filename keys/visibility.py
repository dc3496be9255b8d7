"""Looks up what an address names, as a given key would see it, by the view that answers there."""

from typing import Any

from django.http import Http404
from django.urls import Resolver404, ResolverMatch, resolve
from rest_framework.generics import GenericAPIView

from keys.principal import Principal
from mcp_project.errors import NotFound
from mcp_project.http.call import Call, Request
from mcp_project.http.client_address import UNKNOWN
from mcp_project.http.middleware import without_slash

NOWHERE = {"SERVER_NAME": "localhost", "SERVER_PORT": "80", "HTTP_HOST": "localhost"}  # for the links of pages


def request_for(principal: Principal, method: str, path: str, address: str | None = None) -> Request:
    """A synthetic request, as if this principal had been authenticated."""
    request = Request()
    request.method = method
    request.path = path
    request.path_info = without_slash(path)
    request.call = Call("", address or UNKNOWN, request.path_info)
    request.call.principal = principal if request.call.governed else None
    request.META = {"REQUEST_METHOD": method, "REMOTE_ADDR": address or "", **NOWHERE}
    return request


def view_for(match: ResolverMatch, request: Request) -> Any:
    """The DRF view of a route, ready for the request; None for a page of another kind."""
    view_class = getattr(match.func, "cls", None)
    if view_class is None:  # the admin, a file
        return None
    view = view_class(**getattr(match.func, "initkwargs", {}))
    view.args, view.kwargs, view.format_kwarg = match.args, match.kwargs, None
    actions = getattr(match.func, "actions", None)
    if actions is not None:
        view.action_map = actions
    view.request = view.initialize_request(request, *match.args, **match.kwargs)
    return view


def look_up(view: Any) -> None:
    """Finds what the view's address names. Raises NotFound for what is not there or what
    the key may not see."""
    if isinstance(view, GenericAPIView) and view.kwargs:
        view.get_object()


def require_visible(principal: Principal, method: str, path: str) -> None:
    """Raises NotFound where the key is bound to models, and what an address names is not there for it."""
    if principal.model_patterns is None:
        return
    request = request_for(principal, method, path)
    try:
        look_up(view_for(resolve(request.path_info), request))
    except (Http404, Resolver404):
        raise NotFound from None
