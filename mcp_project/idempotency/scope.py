"""The caller of a repeated request, as the app that authenticates callers describes it."""

from collections.abc import Callable
from functools import cache
from typing import Protocol, cast
from uuid import UUID

from django.conf import settings
from django.utils.module_loading import import_string

from mcp_project.http.call import Request


class Scope(Protocol):
    """Whose repeats are recognised, and what a repeat may be answered with."""

    @property
    def caller_id(self) -> UUID: ...  # idempotency keys of different callers have nothing to do with each other
    @property
    def account_id(self) -> UUID: ...  # whose kept bytes IDEMPOTENCY_MAX_BYTES limits
    @property
    def secret(self) -> str: ...  # the credential as the client sent it; stored nowhere
    @property
    def rights(self) -> bytes: ...  # the rights that a view may have decided by

    def require_visible(self, method: str, path: str) -> None:
        """Raises NotFound if the caller may not see what the path names."""


def scope_of(request: Request) -> Scope:
    """The scope of a request that was authenticated."""
    return _make_scope()(request)


@cache
def _make_scope() -> Callable[[Request], Scope]:
    return cast(Callable[[Request], Scope], import_string(settings.IDEMPOTENCY_SCOPE))
