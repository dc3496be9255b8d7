"""Finds the view of a path, and the resource that the path names, as a key would see it."""

from typing import Any

from django.urls import Resolver404, resolve

from keys.principal import Principal
from mcp_project.errors import NotFound
from mcp_project.http.call import Call, Request
from mcp_project.http.client_address import UNKNOWN
from mcp_project.http.middleware import without_slash
from mcp_project.http.resources import ResourceView

NOWHERE = {"SERVER_NAME": "localhost", "SERVER_PORT": "80", "HTTP_HOST": "localhost"}  # for the links of pages


def request_for(
    principal: Principal, method: str, path: str, address: str | None = None, content_length: int | None = None
) -> Request:
    """Make the request that this principal would send. Its call has no address unless `address` is set."""
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
    """The view of Django REST framework that the request's path leads to, ready for the request. None for a path
    without a view, and for views of another kind."""
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


def names_resource(view: Any) -> bool:
    """Whether the view's path names a resource that has to exist, and that the key has to be allowed to see."""
    return isinstance(view, ResourceView) and bool(view.kwargs)


def require_visible(principal: Principal, method: str, path: str) -> None:
    """Raises NotFound if the key is bound to models and the resource of the path does not exist for it."""
    if principal.model_patterns is None:
        return
    request = request_for(principal, method, path)
    try:
        request.resolver_match = resolve(request.path_info)
    except Resolver404:
        raise NotFound from None
    view = view_of(request)
    if names_resource(view):
        view.find()
