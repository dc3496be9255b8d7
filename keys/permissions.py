"""The permissions that views require of the principal."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from keys.models import Permission
from keys.principal import principal_of
from mcp_project.errors import Forbidden


class AnyKey(BasePermission):
    """Admits every valid key."""

    def has_permission(self, request: Request, _view: Any) -> bool:
        require_same_site(request)
        return request.auth is not None


def require_same_site(request: HttpRequest) -> None:
    """Raises Forbidden for a change that another site's page makes through a browser. A browser adds Basic credentials
    by itself, also to such a request; other credentials can be sent only by pages of this site or of those that CORS
    admits. A client that is no browser sends neither of the two headers."""
    scheme = request.META.get("HTTP_AUTHORIZATION", "").strip().partition(" ")[0]
    if request.method in SAFE_METHODS or scheme.lower() != "basic":
        return
    origin, site = request.META.get("HTTP_ORIGIN"), request.META.get("HTTP_SEC_FETCH_SITE")
    if site in ("same-origin", "none") or origin in settings.CORS_ALLOWED_ORIGINS:
        return
    if site is not None or (origin is not None and urlsplit(origin).netloc != request.META.get("HTTP_HOST")):
        raise Forbidden("Another site's page may change nothing with Basic credentials.")


class KeyPermission(AnyKey):
    """Requires a view's `required_permission`; without one, `read` to read, and for all else the view's
    `write_permission`, which is `write` by default."""

    def has_permission(self, request: Request, view: Any) -> bool:
        needed = getattr(view, "required_permission", None)
        if needed is None:
            writes = request.method not in SAFE_METHODS
            needed = getattr(view, "write_permission", Permission.WRITE) if writes else Permission.READ
        return super().has_permission(request, view) and principal_of(request).may(needed)
