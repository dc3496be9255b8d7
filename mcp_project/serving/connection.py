"""A client's connection. The worker's event loop reads its requests and finishes its responses.

    READING   the loop reads a request, or waits for the next one
    WORKING   the request waits for a thread or is on one; it is read to its end, or is to be refused by its head.
              The loop only watches for the client's disconnect
    WRITING   the loop writes what the socket did not accept from the thread, or a stream
    DRAINING  the response is written and the connection will be closed, but the client may still be sending. Closing
              the socket now would reset it, and the client could lose the response
    CLOSED

While a connection is WORKING, only its thread writes to the socket, and nothing closes it, so no lock is needed.
"""

import socket
import struct
from contextlib import suppress
from enum import Enum
from io import BufferedReader, BytesIO
from math import inf
from time import monotonic
from typing import TYPE_CHECKING, cast

from gunicorn.asgi.parser import LimitRequestHeaders, LimitRequestLine, ParseError, PythonProtocol

from mcp_project.http.protocols import body_limit, protocol_of
from mcp_project.serving import bounds, responses
from mcp_project.serving.delivery import Delivery, Stream
from mcp_project.serving.environ import Environ, UnreadBody, environ_of, is_trusted
from mcp_project.serving.refusals import count_refusal
from mcp_project.serving.responses import Refusal

if TYPE_CHECKING:
    from mcp_project.serving.worker import LoopWorker

RESET = struct.pack("ii", 1, 0)  # struct linger: close() discards unsent data and resets the connection

State = Enum("State", "READING WORKING WRITING DRAINING CLOSED")


class Connection:
    """A client's connection and the request on it.

    `since` is when the state began, or the request that is being read. At `deadline` the worker calls `expire`. Both
    are values of time.monotonic().
    """

    def __init__(self, worker: "LoopWorker", sock: socket.socket, peer: tuple[str, str], base: Environ) -> None:
        self.worker, self.sock, self.peer, self.base = worker, sock, peer, base
        self.is_trusted = is_trusted(peer[0])
        self.parser = PythonProtocol(
            on_headers_complete=self._on_head,
            on_body=self._on_body,
            limit_request_line=worker.cfg.limit_request_line,
            limit_request_fields=worker.cfg.limit_request_fields,
            limit_request_field_size=worker.cfg.limit_request_field_size,
        )
        self.eof = False
        self.received_early = b""
        self.body_bytes = 0  # bytes of the body, taken from the worker's budget
        self.unsent_bytes = 0  # bytes of the response, counted by the worker
        self._listens = True
        self._drained_bytes = 0
        self._delivery: Delivery | None = None
        self._await_request(bounds.HEAD_SECONDS)
        worker.loop.add_reader(sock, self._on_readable)

    def _await_request(self, seconds: float) -> None:
        self._head_bytes = 0
        self.has_begun = self.has_head = self.is_judged = self.is_unread = False
        self.environ: Environ | None = None
        self.body: list[bytes] = []
        self.keep = True
        self.since = monotonic()
        self.deadline = self.since + seconds
        self.state = State.READING

    # --- Reading ------------------------------------------------------------------------------------------------------

    def _on_readable(self) -> None:
        try:
            data = self.sock.recv(bounds.READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not data:
            self._on_eof()
        elif self.is_unread or self.state is State.DRAINING:
            self._drained_bytes += len(data)
            if self._drained_bytes > bounds.DRAIN_BYTES:
                self._on_eof()
        elif self.state is State.READING and not self.received_early:
            self._feed(data)
        else:
            self.received_early += data
            if len(self.received_early) > bounds.EARLY_BYTES:
                self._listen(False)
            self.resume()  # the thread may have finished the response since the state was read above

    def _on_eof(self) -> None:
        """Handle the end of the client's data: the client has left or closed its sending side, which look the same.

        A request that is on a thread continues, and its response is sent if possible.
        """
        self.eof = True
        self._listen(False)
        if self._delivery is not None:
            self._delivery.on_eof()
        elif self.state is not State.WORKING:
            self.close()

    def _listen(self, listen: bool) -> None:
        if listen and not self._listens and not self.eof:
            self.worker.loop.add_reader(self.sock, self._on_readable)
        elif not listen and self._listens:
            self.worker.loop.remove_reader(self.sock)
        self._listens = listen and not self.eof

    def resume(self) -> None:
        """Continue with the data that was received while the last request was answered."""
        if self.state is not State.READING:
            return
        if self.received_early:
            data, self.received_early = self.received_early, b""
            self._listen(True)
            self._feed(data)
        elif self.eof:
            self.close()

    def _feed(self, data: bytes) -> None:
        parser = self.parser
        if parser.is_complete:
            parser.reset()
        if not self.has_begun:
            self.has_begun, self.since = True, monotonic()
            self.deadline = self.since + bounds.HEAD_SECONDS
        self._head_bytes += len(data)
        try:
            parser.feed(data)
        except LimitRequestLine:
            self.refuse(responses.URI_TOO_LONG)
        except LimitRequestHeaders:
            self.refuse(responses.HEADERS_TOO_LARGE)
        except (ParseError, ValueError):  # ValueError: a Content-Length of thousands of digits
            self.refuse(responses.MALFORMED)
        else:
            self._proceed()

    def _proceed(self) -> None:
        """Take the request one step further. This may pass it to a thread, which owns it from then on."""
        if self.state is not State.READING:
            return
        if not self.has_head:
            if self._head_bytes > bounds.HEAD_BYTES:
                self.refuse(responses.HEADERS_TOO_LARGE)
        elif not self.is_judged:
            self._judge()
        elif self.parser.is_complete:
            self._dispatch()

    def _on_head(self) -> bool:
        """Called by the parser at the end of the head. Return True to leave the body unread: a chunked body does not
        state its length, and the application refuses such requests."""
        self.has_head = True
        self.is_unread = bool(self.parser.is_chunked)
        return self.is_unread

    def _on_body(self, part: bytes) -> None:
        if self.state is not State.READING or self.is_unread:
            return
        if self.worker.reserve_body(self, len(part)):
            self.body_bytes += len(part)
            self.body.append(part)

    def _judge(self) -> None:
        """Decide by the head whether to read the body, before more of it is read than came with the head."""
        self.is_judged = True
        parser = self.parser
        environ = self.environ = environ_of(parser, self.base, self.peer, self.is_trusted)
        length, limit = parser.content_length or 0, body_limit(protocol_of(environ["PATH_INFO"]))
        expected = environ.get("HTTP_EXPECT", "").lower() if self.speaks_1_1 else ""
        if expected not in ("", "100-continue"):
            self.refuse(responses.EXPECTATION_FAILED)
        elif self.is_unread or (parser.is_complete and length <= limit):
            self._dispatch()
        elif self.worker.refuses_by_head(environ):
            self.is_unread = True
            self._dispatch()
        elif length > limit:
            self.refuse(responses.BODY_TOO_LARGE)
        else:
            self.deadline = monotonic() + bounds.BODY_SECONDS + length / bounds.BYTES_A_SECOND
            if expected:
                with suppress(OSError):
                    self.sock.send(responses.CONTINUE)

    # --- Answering ----------------------------------------------------------------------------------------------------

    @property
    def is_head(self) -> bool:
        return bool(self.parser.method == b"HEAD")

    @property
    def speaks_1_1(self) -> bool:
        return bool(self.parser.http_version >= (1, 1))

    def keeps(self) -> bool:
        """Whether the connection stays open after this response."""
        return self.keep and bool(self.worker.alive)

    def _dispatch(self) -> None:
        """Queue the request for a thread."""
        environ = cast(Environ, self.environ)
        if self.is_unread:
            environ["wsgi.input"] = BufferedReader(UnreadBody())
        else:
            environ["wsgi.input"] = BytesIO(b"".join(self.body))
            self.received_early = self.parser.remaining()
        self.keep = bool(self.parser.should_keep_alive) and not self.is_unread
        self.body = []
        self.state, self.since, self.deadline = State.WORKING, monotonic(), inf
        if not self.worker.submit(environ["REQUEST_METHOD"], environ["PATH_INFO"], self):
            self.refuse(responses.QUEUE_FULL)

    def answered(self, unsent: bytes | memoryview) -> None:
        """Called by the thread when it has sent what the socket accepted; the loop sends `unsent`."""
        self._release()
        if unsent or not self.keeps():
            self.worker.loop.call_soon_threadsafe(self.deliver, unsent)
            return
        self._await_request(self.worker.cfg.keepalive)
        # After the state has changed: data that the loop received before is resumed here, later data by the loop.
        if self.received_early or self.eof:
            self.worker.loop.call_soon_threadsafe(self.resume)

    def refuse(self, refusal: Refusal) -> None:
        """Answer with a refusal without calling the application, and close the connection."""
        path = self.environ["PATH_INFO"] if self.environ else ""
        response, request_id = responses.refusal(refusal, path, head_only=self.parser.method == b"HEAD")
        count_refusal(refusal, self.peer[0], request_id)
        self._release()
        self.body, self.keep, self.is_unread = [], False, True
        self.deliver(response)

    def deliver(self, beginning: bytes | memoryview, stream: Stream | None = None) -> None:
        """Write the beginning of a response and the stream that follows it. Called on the loop."""
        self._release()
        self.state, self.since, self.deadline = State.WRITING, monotonic(), inf
        self._delivery = Delivery(self, beginning, stream)

    def delivered(self, whole: bool) -> None:
        """Called by the Delivery when it ends. `whole`: the complete response is written."""
        self._delivery = None
        if not whole:  # reset at once: the client does not read what the kernel still buffers
            with suppress(OSError):
                self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            self.close()
        elif self.eof:
            self.close()
        elif self.keeps():
            self._await_request(self.worker.cfg.keepalive)
            self.resume()
        elif self.is_unread or self.received_early:
            self.state, self.since = State.DRAINING, monotonic()
            self.deadline = self.since + bounds.DRAIN_SECONDS
            with suppress(OSError):
                self.sock.shutdown(socket.SHUT_WR)
        else:
            self.close()

    # --- Ending -------------------------------------------------------------------------------------------------------

    def expire(self) -> None:
        """Called by the worker when the deadline has passed."""
        if self.state is State.READING and self.has_begun:
            self.refuse(responses.BODY_TIMEOUT if self.has_head else responses.HEAD_TIMEOUT)
        else:
            self.close()

    def abort(self) -> None:
        """Close the connection, even in the middle of a response that the loop writes."""
        if self._delivery is not None:
            self._delivery.cancel()
        elif self.state is not State.WORKING:
            self.close()

    def close(self) -> None:
        if self.state is not State.CLOSED:
            self.state = State.CLOSED
            self._release()
            self._listen(False)
            self.sock.close()
            self.worker.forget(self)

    def _release(self) -> None:
        self.environ = None  # frees the body, which is not needed while the response is written
        if self.body_bytes:
            self.worker.bodies.give_back(self.body_bytes)
            self.body_bytes = 0
