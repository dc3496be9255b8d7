"""The part of a request that runs on a thread: it calls the WSGI application and sends its response."""

from collections.abc import AsyncGenerator, AsyncIterable, Callable
from typing import TYPE_CHECKING, Any, cast

import structlog
from django.db import close_old_connections

from mcp_project.http.call import ENVIRON_KEY, Call
from mcp_project.serving import responses
from mcp_project.serving.delivery import Stream
from mcp_project.serving.environ import Environ
from mcp_project.serving.responses import LAST_CHUNK, chunk, response_head
from mcp_project.serving.spool import Spool

if TYPE_CHECKING:
    from mcp_project.serving.connection import Connection

log = structlog.get_logger("serving")

Headers = list[tuple[str, str]]


def run(connection: "Connection") -> None:
    """Answer the connection's request, unless its client has left while the request was queued."""
    loop = connection.worker.loop
    if connection.eof:
        loop.call_soon_threadsafe(connection.close)
        return
    head: list[Any] = []
    response: Any = None

    def start_response(status: str, headers: Headers, _exc_info: Any = None) -> Callable[[bytes], None]:
        head[:] = status, headers
        return _write

    try:
        response = connection.worker.wsgi(connection.environ, start_response)
        if getattr(response, "streaming", False):
            _stream(connection, response, *head)
        else:
            _send(connection, response, *head)
    except BaseException:  # SystemExit too: the connection needs a response, and the thread must survive
        log.exception("request_failed")
        _close(response)
        loop.call_soon_threadsafe(connection.refuse, responses.FAULT)


def _write(_data: bytes) -> None:
    raise NotImplementedError("WSGI's write() is not supported; return the body")


def _send(connection: "Connection", response: Any, status: str, headers: Headers) -> None:
    """Send as much of the response as the socket accepts, and leave the rest to the loop."""
    body = b"".join(response)
    if not any(name.lower() == "content-length" for name, _ in headers):
        headers = [*headers, ("Content-Length", str(len(body)))]
    head = response_head(status, headers, connection.keeps())
    if _has_no_body(connection, status):
        body = b""
    connection.answered(_unsent(connection, head, body))
    _close(response)


def _unsent(connection: "Connection", head: bytes, body: bytes) -> bytes | memoryview:
    """Send what the socket accepts without blocking, and return the rest."""
    try:
        sent = connection.sock.sendmsg([head, body])
    except BlockingIOError:
        sent = 0
    except OSError:  # the client has gone
        connection.keep = False
        return b""
    return head[sent:] + body if sent < len(head) else memoryview(body)[sent - len(head) :]


def _stream(connection: "Connection", response: Any, status: str, headers: Headers) -> None:
    """Have the loop send the stream.

    The loop iterates an asynchronous stream itself. Any other stream is produced on this thread into a Spool, so that
    the thread is free as soon as the stream is produced, however slowly the client reads.
    """
    loop = connection.worker.loop
    call: Call = cast(Environ, connection.environ)[ENVIRON_KEY]
    has_length = any(name.lower() == "content-length" for name, _ in headers)
    chunked = not has_length and connection.speaks_1_1
    connection.keep = connection.keeps() and (has_length or chunked)
    head = response_head(status, headers, connection.keep, chunked)
    spool = None if getattr(response, "is_async", False) else Spool(loop, connection.worker.spooled)
    if _has_no_body(connection, status):
        parts, end = _no_parts(), b""
    else:
        parts, end = _framed(call, response if spool is None else spool, chunked), LAST_CHUNK if chunked else b""
    unwatch = call.watch and call.watch(lambda: loop.call_soon_threadsafe(connection.abort))

    def close() -> None:
        if unwatch is not None:
            unwatch()
        if spool is None or spool.close():
            _close(response)

    if spool is None or (call.protocol is not None and call.protocol.long):
        close_old_connections()  # the view is done with the database, and the stream may last long
    loop.call_soon_threadsafe(connection.deliver, head, Stream(parts, end, close))
    if spool is not None:
        _fill(spool, response)


def _fill(spool: Spool, response: Any) -> None:
    failed = True
    try:
        for part in response:
            if not spool.put(part):
                break
        failed = False
    except BaseException:  # as in `run`
        log.exception("stream_failed")
    finally:
        if not spool.end(failed):
            _close(response)
        close_old_connections()


async def _framed(call: Call, parts: AsyncIterable[bytes], chunked: bool) -> AsyncGenerator[bytes, None]:
    """Yield the parts in the form in which they are sent, and count the sent bytes of the body in `call.sent_bytes`."""
    call.sent_bytes = 0
    async for part in parts:
        if part:
            yield chunk(part) if chunked else part
            call.sent_bytes += len(part)


async def _no_parts() -> AsyncGenerator[bytes, None]:
    return
    yield b""  # makes this a generator


def _has_no_body(connection: "Connection", status: str) -> bool:
    return connection.is_head or status[:3] in responses.BODILESS


def _close(response: Any) -> None:
    close = getattr(response, "close", None)
    if close is not None:
        try:
            close()
        except Exception:
            log.exception("response_not_closed")
