"""The key that a request carries, from its headers."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from mcp_project.http.errors import ApiError

BEARER = 'Bearer realm="mcp"'
CHALLENGE = {"WWW-Authenticate": f'{BEARER}, Basic realm="mcp"'}
SCHEMES = {"bearer", "api-key", "basic"}
HOW = "Send the key as `Authorization: Bearer <key>` or `X-API-Key: <key>`."


def credential(meta: Mapping[str, Any]) -> str:
    """The key, from `Authorization` (Bearer, Api-Key, or Basic with the key as password) or `X-API-Key`. Raises
    ApiError 401 for none, for two that differ, and for another scheme, unless X-API-Key has the key: then that other
    credential is somebody else's affair."""
    found = set()
    authorization = meta.get("HTTP_AUTHORIZATION", "").strip()
    scheme = authorization.partition(" ")[0].lower()
    if authorization and (scheme in SCHEMES or "HTTP_X_API_KEY" not in meta):
        found.add(_from_authorization(authorization))
    if "HTTP_X_API_KEY" in meta:
        found.add(meta["HTTP_X_API_KEY"].strip())
    found.discard("")
    if len(found) > 1:
        raise unauthenticated("INVALID_API_KEY", "The request carries two different keys.")
    key = next(iter(found), "")
    if not key:
        raise unauthenticated("API_KEY_MISSING", HOW)
    return str(key)


def unauthenticated(code: str, detail: str | None = None) -> ApiError:
    return ApiError(code, detail, headers=CHALLENGE)


def _from_authorization(authorization: str) -> str:
    scheme, _, rest = authorization.partition(" ")
    match scheme.lower():
        case "bearer" | "api-key":
            return rest.strip()
        case "basic":
            return _basic_password(rest.strip())
        case _:
            raise unauthenticated("INVALID_API_KEY", HOW)


def _basic_password(encoded: str) -> str:
    """For tools that know only a user and a password; the user is not looked at."""
    try:
        decoded = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, ValueError):
        raise unauthenticated("INVALID_API_KEY", "The Basic credentials are not base64 of UTF-8.") from None
    return decoded.partition(":")[2].strip()
