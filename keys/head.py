"""Judges the key of a request by the request's head alone, before the body is read."""

from collections.abc import Mapping
from typing import Any

from keys.authentication import authenticate
from keys.credentials import credential
from keys.limits.failures import require_unblocked
from mcp_project.errors import DomainError
from mcp_project.http.client_address import client_address
from mcp_project.http.middleware import without_slash
from mcp_project.http.protocols import is_governed


class NotRemembered(Exception):
    """To judge the key takes a query."""


def refuses(environ: Mapping[str, Any]) -> bool:
    """Whether a request with this WSGI environ will be refused whatever its body is, judged without a query. The server
    then does not read the body."""
    if not is_governed(without_slash(environ["PATH_INFO"])):
        return False
    address = client_address(environ)
    try:
        require_unblocked(address)
        authenticate(credential(environ), address, _refuse_to_look_up)
    except DomainError:
        return True
    except NotRemembered:
        pass
    return False


def _refuse_to_look_up() -> None:
    raise NotRemembered
