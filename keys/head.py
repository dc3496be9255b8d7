"""Judges the key of a request by the request's head alone, before the body is read."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from django.http import HttpRequest

from keys.authentication import known_keys, wrong_keys
from keys.credentials import credential
from keys.crypto import prefix_of
from keys.limits.failures import refuse_blocked
from mcp_project.client_address import client_address
from mcp_project.errors import ApiError
from mcp_project.middleware import is_governed, without_slash


def refuses(environ: Mapping[str, Any]) -> bool:
    """Whether a request with this WSGI environ will be refused, whatever its body is, as far as this process knows
    without a query. The server then does not wait for the body."""
    if not is_governed(without_slash(environ["PATH_INFO"])):
        return False
    request = HttpRequest()
    request.META = dict(environ)
    try:
        refuse_blocked(request)
        key = credential(environ)
    except ApiError:
        return True
    digest = sha256(key.encode("utf-8", "backslashreplace")).digest()
    if prefix_of(key) is None or wrong_keys.get(digest):
        return True
    principal = known_keys.get(digest)
    return principal is not None and principal.refusal(client_address(request)) is not None
