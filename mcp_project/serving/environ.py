"""The WSGI environ (PEP 3333) of a request whose head gunicorn's parser has read."""

import io
import sys
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from django.conf import settings
from django.core.exceptions import BadRequest
from gunicorn.asgi.parser import PythonProtocol

from mcp_project.http.client_address import is_listed, networks, plain

Environ = dict[str, Any]

NAMES: Final = {
    name: f"HTTP_{name.decode().upper().replace('-', '_')}"
    for name in (
        b"accept", b"accept-encoding", b"accept-language", b"authorization", b"connection", b"cookie", b"expect",
        b"host", b"idempotency-key", b"if-match", b"if-none-match", b"origin", b"referer", b"sec-fetch-mode",
        b"sec-fetch-site", b"transfer-encoding", b"user-agent", b"x-api-key", b"x-forwarded-for",
        b"x-forwarded-proto", b"x-request-id",
    )
} | {b"content-type": "CONTENT_TYPE", b"content-length": "CONTENT_LENGTH"}  # fmt: skip


class UnreadBody(io.RawIOBase):
    """Replaces a body that was not read because the request is refused by its head.

    Reading it raises BadRequest, so that a view which is reached by mistake does not see an empty body.
    """

    def readable(self) -> bool:
        return True

    def readinto(self, _buffer: Any) -> int:
        raise BadRequest("The body was not read.")


def base_environ(server: tuple[str, int], multiprocess: bool) -> Environ:
    """Return the part of the environ that is the same for all requests to a listening socket."""
    return {
        "SCRIPT_NAME": "",
        "SERVER_NAME": server[0],
        "SERVER_PORT": str(server[1]),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": multiprocess,
        "wsgi.run_once": False,
        "wsgi.input_terminated": True,
    }


def is_trusted(address: str) -> bool:
    """Whether the peer is one of TRUSTED_PROXIES, whose X-Forwarded-Proto is believed."""
    return is_listed(plain(address), networks(tuple(settings.TRUSTED_PROXIES)))


def environ_of(parser: PythonProtocol, base: Mapping[str, Any], peer: tuple[str, str], trusted: bool) -> Environ:
    """Make the environ of a request, without `wsgi.input`.

    `peer` is the address and port of the other end of the connection; both are empty for a Unix socket.
    A header whose name has an underscore is dropped: `X_Forwarded_For` would become `HTTP_X_FORWARDED_FOR`, which only
    a proxy may set. The values of a repeated header are joined by commas (RFC 9110, 5.3).
    """
    path, _, query = origin_form(parser.path).partition(b"?")
    version = parser.http_version
    environ = {
        **base,
        "REQUEST_METHOD": parser.method.decode("latin-1"),
        "PATH_INFO": (unquote_to_bytes(path) if b"%" in path else path).decode("latin-1"),
        "QUERY_STRING": query.decode("latin-1"),
        "SERVER_PROTOCOL": f"HTTP/{version[0]}.{version[1]}",
        "REMOTE_ADDR": peer[0],
        "REMOTE_PORT": peer[1],
    }
    for name, value in parser.headers:
        key = NAMES.get(name)
        if key is None:
            if b"_" in name:
                continue
            key = "HTTP_" + name.decode("latin-1").upper().replace("-", "_")
        text = value.decode("latin-1")
        environ[key] = f"{environ[key]},{text}" if key in environ else text
    if trusted and environ.get("HTTP_X_FORWARDED_PROTO") == "https":
        environ["wsgi.url_scheme"] = "https"
    return environ


def origin_form(target: bytes) -> bytes:
    """Return the path and query of a request's target (RFC 9112, 3.2), without the fragment."""
    target = target.partition(b"#")[0]
    if target.startswith(b"/") or target == b"*":
        return target
    _scheme, _, rest = target.partition(b"://")
    _authority, slash, path = rest.partition(b"/")
    return slash + path or b"/"
