"""From a request's headers to its principal."""

import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from keys.crypto import prefix_of
from keys.models import APIKey
from keys.principal import Principal
from mcp_project.errors import ApiError

SCHEMES = ("bearer", "api-key")
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="mcp"'}


def credential(meta: Mapping[str, Any]) -> str:
    """The key that the request carries. Raises ApiError 401 for none, for another scheme, and for two that differ."""
    found = set()
    authorization = meta.get("HTTP_AUTHORIZATION", "").strip()
    if authorization:
        scheme, _, rest = authorization.partition(" ")
        if scheme.lower() not in SCHEMES:
            raise refused("INVALID_API_KEY", "Send the key as `Authorization: Bearer <key>` or `X-API-Key: <key>`.")
        found.add(rest.strip())
    if "HTTP_X_API_KEY" in meta:
        found.add(meta["HTTP_X_API_KEY"].strip())
    found.discard("")
    if len(found) > 1:
        raise refused("INVALID_API_KEY", "The request carries two different keys.")
    key = next(iter(found), "")
    if not key:
        raise refused("API_KEY_MISSING", "Send an API key as `Authorization: Bearer <key>` or `X-API-Key: <key>`.")
    return str(key)


def refused(code: str, detail: str | None = None) -> ApiError:
    return ApiError(code, detail, headers=CHALLENGE)


class WrongKey(ApiError):
    """A key that is whole, by its checksum, and not one of ours: somebody made it up, or has another service's."""

    def __init__(self) -> None:
        super().__init__("INVALID_API_KEY", headers=CHALLENGE)


class KeyCache:
    """Verified keys, remembered by this process for KEY_CACHE_SECONDS: for so long, and no longer, a revocation
    may go unseen here. At most KEY_CACHE_SIZE of them, the oldest going first. Holds no key, only digests."""

    def __init__(self) -> None:
        self._entries: dict[bytes, tuple[float, Principal]] = {}
        self._lock = threading.Lock()

    def get(self, digest: bytes) -> Principal | None:
        entry = self._entries.get(digest)
        if entry is None or entry[0] <= time.monotonic():
            return None
        return entry[1]

    def put(self, digest: bytes, principal: Principal, read_at: float) -> None:
        """`read_at`: when the row was asked for, on time.monotonic's clock; the entry's time runs from there."""
        with self._lock:
            self._entries.pop(digest, None)
            while len(self._entries) >= settings.KEY_CACHE_SIZE:
                del self._entries[next(iter(self._entries))]
            self._entries[digest] = (read_at + settings.KEY_CACHE_SECONDS, principal)

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()


cache = KeyCache()


def authenticate(key: str) -> Principal:
    """The principal of a key, with no query when it is remembered or not a key by its form, else with one.

    Raises ApiError 401, WrongKey where it took a query to tell. Only who has the whole key right learns that it has
    expired or was revoked.
    """
    digest = sha256(key.encode("utf-8", "surrogateescape")).digest()
    principal = cache.get(digest)
    if principal is None:
        if prefix_of(key) is None:
            raise refused("INVALID_API_KEY", "This is not a whole API key: check the copy.")
        read_at = time.monotonic()
        row = APIKey.objects.find(key)
        if row is None:
            raise WrongKey
        principal = Principal.of(row)
        cache.put(digest, principal, read_at)
    if principal.revoked:
        raise refused("API_KEY_REVOKED")
    if principal.expires_at is not None and principal.expires_at <= datetime.now(UTC):
        raise refused("API_KEY_EXPIRED")
    return principal


class PrincipalAuthentication(BaseAuthentication):
    """Hands the principal that APIKeyMiddleware found to the views, as `request.auth`."""

    def authenticate(self, request: Request) -> tuple[None, Principal] | None:
        principal = getattr(request._request, "principal", None)
        return None if principal is None else (None, principal)

    def authenticate_header(self, _request: Request) -> str:
        return CHALLENGE["WWW-Authenticate"]


class PrincipalScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Both ways to send a key, for the OpenAPI document."""

    target_class = PrincipalAuthentication
    name = ("bearer", "apiKey")  # type: ignore[assignment]

    def get_security_requirement(self, _auto_schema: Any) -> list[dict[str, list[Any]]]:
        return [{name: []} for name in self.name]  # a list: any one of them will do

    def get_security_definition(self, _auto_schema: Any) -> list[dict[str, Any]]:
        return [
            {"type": "http", "scheme": "bearer", "description": "An API key."},
            {"type": "apiKey", "in": "header", "name": "X-API-Key"},
        ]
