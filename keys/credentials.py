"""The key that a request carries, from its headers."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from keys.errors import InvalidKey, KeyMissing

BEARER = 'Bearer realm="mcp"'
CHALLENGE = f'{BEARER}, Basic realm="mcp"'  # of WWW-Authenticate
SCHEMES = {"bearer", "api-key", "basic"}
HOW = "Send the key as `Authorization: Bearer <key>` or `X-API-Key: <key>`."


def credential(meta: Mapping[str, Any]) -> str:
    """The key, from `Authorization` (Bearer, Api-Key, or Basic with the key as password) or `X-API-Key`. Raises
    KeyMissing without a key, and InvalidKey for two that differ or for another scheme. With `X-API-Key`, a credential
    of another scheme is ignored: it is for a proxy."""
    keys = set()
    authorization = meta.get("HTTP_AUTHORIZATION", "").strip()
    scheme = authorization.partition(" ")[0].lower()
    if authorization and (scheme in SCHEMES or "HTTP_X_API_KEY" not in meta):
        keys.add(_from_authorization(authorization))
    if "HTTP_X_API_KEY" in meta:
        keys.add(meta["HTTP_X_API_KEY"].strip())
    keys.discard("")
    if len(keys) > 1:
        raise InvalidKey("The request carries two different keys.")
    key = next(iter(keys), "")
    if not key:
        raise KeyMissing(HOW)
    return str(key)


def _from_authorization(authorization: str) -> str:
    scheme, _, rest = authorization.partition(" ")
    match scheme.lower():
        case "bearer" | "api-key":
            return rest.strip()
        case "basic":
            return _basic_password(rest.strip())
        case _:
            raise InvalidKey(HOW)


def _basic_password(encoded: str) -> str:
    """For tools that know only a user and a password; the user is not looked at."""
    try:
        decoded = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, ValueError):
        raise InvalidKey("The Basic credentials are not base64 of UTF-8.") from None
    return decoded.partition(":")[2].strip()
