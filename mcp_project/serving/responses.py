"""Encodes responses as bytes: those of Django, and the event loop's own refusals."""

import json
import re
import time
import uuid
from collections.abc import Iterable
from email.utils import formatdate
from http import HTTPStatus
from typing import NamedTuple

from mcp_project.errors import BadRequest, DomainError, Fault
from mcp_project.http.codes import (
    ExpectationFailed,
    HeadersTooLarge,
    Overloaded,
    PayloadTooLarge,
    RequestTimeout,
    URITooLong,
    status_of,
)
from mcp_project.http.errors import render_error
from mcp_project.http.protocols import protocol_of

UNFIT = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")  # not allowed in a header's value (RFC 9110, 5.5): could end the head
HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "upgrade", "trailer", "te"})
BODILESS = frozenset({"204", "304"})  # statuses without a body, and so without a length header (RFC 9110, 8.6)
LAST_CHUNK = b"0\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Refusal(NamedTuple):
    """A response that the event loop gives without Django. `reason` is its label in the metrics."""

    reason: str
    error: type[DomainError]
    retry_after: int | None = None  # seconds

    @property
    def status(self) -> int:
        return status_of(self.error)


MALFORMED = Refusal("malformed", BadRequest)
URI_TOO_LONG = Refusal("uri_too_long", URITooLong)
HEADERS_TOO_LARGE = Refusal("headers_too_large", HeadersTooLarge)
EXPECTATION_FAILED = Refusal("expectation", ExpectationFailed)
HEAD_TIMEOUT = Refusal("head_timeout", RequestTimeout)
BODY_TIMEOUT = Refusal("body_timeout", RequestTimeout)
BODY_TOO_LARGE = Refusal("body_too_large", PayloadTooLarge)
QUEUE_FULL = Refusal("queue_full", Overloaded, retry_after=1)
CONNECTIONS_FULL = Refusal("connections_full", Overloaded, retry_after=1)
BODIES_FULL = Refusal("bodies_full", Overloaded, retry_after=1)
FAULT = Refusal("fault", Fault)


def refusal(refused: Refusal, path: str, head_only: bool) -> tuple[bytes, str]:
    """Return the whole response, in the error shape of the path's protocol, and its request id.

    `path` is empty if it was not read. `head_only` leaves out the body, for a HEAD request.
    """
    request_id = uuid.uuid4().hex
    protocol = protocol_of(path)
    render = render_error if protocol is None else protocol.render_error
    status, content = render(refused.error(retry_after=refused.retry_after), request_id)
    body = json.dumps(content).encode()
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body))), ("X-Request-ID", request_id)]
    if refused.retry_after is not None:
        headers.append(("Retry-After", str(refused.retry_after)))
    head = response_head(f"{status} {HTTPStatus(status).phrase}", headers, keep=False)
    return head if head_only else head + body, request_id


def response_head(status: str, headers: Iterable[tuple[str, str]], keep: bool, chunked: bool = False) -> bytes:
    """Encode the status line and headers. Raises ValueError for a value that would break the framing."""
    lines = [f"HTTP/1.1 {status}\r\nDate: {date()}\r\nConnection: {'keep-alive' if keep else 'close'}\r\n"]
    bodiless = status[:3] in BODILESS
    left_out = HOP_BY_HOP | {"content-length"} if bodiless else HOP_BY_HOP
    if chunked and not bodiless:
        lines.append("Transfer-Encoding: chunked\r\n")
    for name, value in headers:
        if UNFIT.search(value):
            raise ValueError(f"the value of {name} has a control character")
        if name.lower() not in left_out:
            lines.append(f"{name}: {value}\r\n")
    lines.append("\r\n")
    return "".join(lines).encode("latin-1")


def chunk(part: bytes) -> bytes:
    """Encode one part of a stream in the chunked coding (RFC 9112, 7.1)."""
    return b"%x\r\n%b\r\n" % (len(part), part)


def date() -> str:
    """Return the value of the Date header, which is formatted once a second."""
    now = int(time.time())
    if _date[0] != now:
        _date[:] = [now, formatdate(now, usegmt=True)]
    return str(_date[1])


_date: list[int | str] = [0, ""]
