"""From a key to its principal."""

import time
from collections.abc import Callable
from hashlib import sha256
from typing import Any, cast

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from keys.credentials import CHALLENGE
from keys.crypto import prefix_of
from keys.errors import InvalidKey, WrongKey
from keys.memory import Memory
from keys.models import APIKey
from keys.principal import Principal
from mcp_project.http.call import Call

# What this process has looked up within KEY_CACHE_SECONDS: for so long, and no longer, a change of a key may go unseen
# here. Wrong keys are remembered too, so that sending one again costs no look-up, and apart, so that a flood of them
# displaces no right one. By digest: neither holds a key.
known_keys: Memory[bytes, Principal] = Memory()
wrong_keys: Memory[bytes, bool] = Memory()


def nothing() -> None:
    pass


def authenticate(key: str, address: str | None, before_looking_up: Callable[[], None] = nothing) -> Principal:
    """The principal of a key that may be used from `address` (None: from anywhere).

    No query when the key is remembered or not one by its form and checksum; else one, and `before_looking_up` may raise
    something to prevent it. Raises InvalidKey, and WrongKey for a whole key that is not ours. Only a client that sends
    the whole key gets another error of the kind Unauthenticated, which says why the key is not good.
    """
    principal = identify(key, before_looking_up)
    principal.require_valid(address)
    return principal


def identify(key: str, before_looking_up: Callable[[], None] = nothing) -> Principal:
    """The principal of a key, whether or not it is good now. Raises InvalidKey and WrongKey as `authenticate`."""
    digest = sha256(key.encode("utf-8", "backslashreplace")).digest()
    known = known_keys.get(digest)
    if known is None:
        if prefix_of(key) is None:
            raise InvalidKey("This is not a whole API key: check the copy.")
        if wrong_keys.get(digest):
            raise WrongKey
        before_looking_up()
        read_at = time.monotonic()  # from before the row is read
        until = read_at + settings.KEY_CACHE_SECONDS
        row = APIKey.objects.find(key)
        if row is None:
            wrong_keys.put(digest, True, until, settings.KEY_CACHE_SIZE)
            raise WrongKey
        known = Principal.of(row, read_at)
        known_keys.put(digest, known, until, settings.KEY_CACHE_SIZE)
    return known


class PrincipalAuthentication(BaseAuthentication):
    """Gives the views the principal that APIKeyMiddleware authenticated, as `request.auth`."""

    def authenticate(self, request: Request) -> tuple[None, Principal] | None:
        call: Call | None = getattr(request, "call", None)  # drf-spectacular's requests have none
        return None if call is None or call.principal is None else (None, cast(Principal, call.principal))

    def authenticate_header(self, _request: Request) -> str:
        return CHALLENGE


class PrincipalScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The ways to send a key, for the OpenAPI document."""

    target_class = PrincipalAuthentication
    name = ("bearer", "apiKey", "basic")  # type: ignore[assignment]

    def get_security_requirement(self, _auto_schema: Any) -> list[dict[str, list[Any]]]:
        return [{name: []} for name in self.name]  # a list: any one of them will do

    def get_security_definition(self, _auto_schema: Any) -> list[dict[str, Any]]:
        return [
            {"type": "http", "scheme": "bearer", "description": "An API key."},
            {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            {"type": "http", "scheme": "basic", "description": "Any user, and an API key as password."},
        ]
