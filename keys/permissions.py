"""What a principal may do."""

from typing import Any

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from keys.models import Permission
from keys.principal import principal_of


class AnyKey(BasePermission):
    """Whoever has a key that is good."""

    def has_permission(self, request: Request, _view: Any) -> bool:
        return request.auth is not None


class KeyPermission(AnyKey):
    """A view's `required_permission`; without one, `read` to read and `write` for everything else."""

    def has_permission(self, request: Request, view: Any) -> bool:
        needed = getattr(view, "required_permission", None)
        if needed is None:
            needed = Permission.READ if request.method in SAFE_METHODS else Permission.WRITE
        return super().has_permission(request, view) and principal_of(request).may(needed)
