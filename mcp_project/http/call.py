"""The Call: what the service knows of one request, from its first middleware to its row in the ledger."""

import time
from collections.abc import Callable
from typing import Any, Protocol, cast

from django.http import HttpRequest

from mcp_project.http import protocols

ENVIRON_KEY = "mcp.call"  # under which the server finds the call in the WSGI environ
Watch = Callable[[Callable[[], object]], Callable[[], None]]


class Caller(Protocol):
    """The part of the principal that the frame reads. The apps know its class."""

    @property
    def prefix(self) -> str: ...


class Call:
    """One request. Every layer reads it and adds what it finds out; nothing else is attached to requests or responses.

    `request.call` is made by RequestContextMiddleware, before any other layer runs.
    """

    __slots__ = (
        "address", "error_code", "governed", "id", "measures", "principal", "protocol", "sent_bytes", "started_ns",
        "subject", "watch",
    )  # fmt: skip

    def __init__(self, call_id: str, address: str, path: str) -> None:
        self.started_ns = time.perf_counter_ns()
        self.id = call_id  # the request id: X-Request-ID, in the log and in the ledger
        self.address = address  # the client's IP address; client_address.UNKNOWN where a proxy did not name it
        self.protocol = protocols.protocol_of(path)
        # Whether the request needs a key, is limited and is recorded in the ledger.
        self.governed = self.protocol is not None and self.protocol.governs(path)
        self.principal: Caller | None = None  # set once the key has been authenticated
        # The resource that the request is about, once it was found and the key may see it: "model" → its id.
        self.subject: dict[str, Any] = {}
        self.measures: dict[str, int] = {}  # what the request took, by the ledger's column: "units" → 0
        # The code of the error in the response. "" marks a response whose error status is not an error: /health.
        self.error_code: str | None = None
        # For the server that sends a stream: registers a function that cuts the stream, and returns one that
        # unregisters it.
        self.watch: Watch | None = None
        self.sent_bytes: int | None = None  # how much of a stream's body the server has sent; None: it does not count


class Request(HttpRequest):
    """A request with its call."""

    call: Call


def call_of(request: Any) -> Call:
    """The call of a request, Django's or REST framework's. Raises AttributeError outside RequestContextMiddleware."""
    return cast(Call, request.call)
