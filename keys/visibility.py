"""Finds what a path names, as a given key would see it, by the view that the path leads to."""

from typing import Any

from django.http import Http404
from django.urls import Resolver404, resolve

from keys.principal import Principal
from mcp_project.errors import NotFound
from mcp_project.http.call import Call, Request
from mcp_project.http.client_address import UNKNOWN
from mcp_project.http.middleware import without_slash

NOWHERE = {"SERVER_NAME": "localhost", "SERVER_PORT": "80", "HTTP_HOST": "localhost"}  # for the links of pages


def request_for(
    principal: Principal, method: str, path: str, address: str | None = None, content_length: int | None = None
) -> Request:
    """A request that nobody has sent, as it would be if this principal sent it. Its call has no address unless one is
    given."""
    request = Request()
    request.method = method
    request.path = path
    request.path_info = without_slash(path)
    request.call = Call("", address or "", request.path_info)
    request.call.principal = principal if request.call.governed else None
    request.META = {"REQUEST_METHOD": method, "REMOTE_ADDR": address or UNKNOWN, **NOWHERE}
    if content_length is not None:
        request.META["CONTENT_LENGTH"] = str(content_length)
    return request


def view_of(request: Request) -> Any:
    """The view of Django REST framework that the request's path leads to, ready for the request. None for a path that
    leads nowhere, and for other views."""
    match = request.resolver_match
    view_class = getattr(match and match.func, "cls", None)
    if match is None or view_class is None:
        return None
    view = view_class(**getattr(match.func, "initkwargs", {}))
    view.args, view.kwargs, view.format_kwarg = match.args, match.kwargs, None
    actions = getattr(match.func, "actions", None)
    if actions is not None:
        view.action_map = actions
    view.request = view.initialize_request(request, *match.args, **match.kwargs)
    return view


def names_something(view: Any) -> bool:
    """Whether the view's path names something that has to be there, and that the key has to be allowed to see."""
    return bool(view is not None and view.kwargs and hasattr(view, "get_object"))


def look_up(view: Any) -> None:
    """Find what the view's path names. Raises NotFound, also as Http404, for what is not there or what the key may not
    see."""
    if names_something(view):
        view.get_object()


def require_visible(principal: Principal, method: str, path: str) -> None:
    """Raises NotFound where the key is bound to models, and what a path names is not there for it."""
    if principal.model_patterns is None:
        return
    request = request_for(principal, method, path)
    try:
        request.resolver_match = resolve(request.path_info)
        look_up(view_of(request))
    except (Http404, Resolver404):
        raise NotFound from None
