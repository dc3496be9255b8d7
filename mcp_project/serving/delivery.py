"""Writes a response, or the rest of one, on the event loop at the client's speed."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from time import monotonic
from typing import TYPE_CHECKING

import structlog

from mcp_project.serving.bounds import BYTES_A_SECOND, WRITE_SECONDS

if TYPE_CHECKING:
    from mcp_project.serving.connection import Connection

log = structlog.get_logger("serving")


class Stream:
    """The body of a streaming response: its framed parts, and the bytes that end it.

    The `close` callback runs once: before the end is sent, so that a client which has the whole response is already in
    the ledger, or else when sending stops.
    """

    def __init__(self, parts: AsyncGenerator[bytes, None], end: bytes, close: Callable[[], None]) -> None:
        self.parts, self.end = parts, end
        self._close: Callable[[], None] | None = close

    def close(self) -> None:
        close, self._close = self._close, None
        if close is not None:
            close()


class Delivery:
    """A task that writes a response. It starts at once, and calls the connection's `delivered` when it ends."""

    def __init__(self, connection: "Connection", beginning: bytes | memoryview, stream: Stream | None) -> None:
        self._connection, self._stream = connection, stream
        self._seconds_left = WRITE_SECONDS
        self._task = connection.worker.loop.create_task(self._deliver(beginning))
        # A callback instead of a `finally`: a task that is cancelled before it starts runs none of its code.
        self._task.add_done_callback(self._on_done)
        if connection.eof:
            self.on_eof()

    def cancel(self) -> None:
        self._task.cancel()

    def on_eof(self) -> None:
        """Called when the client has left or closed its sending side, which look the same.

        A stream is cancelled, since it may wait long for its next part. Any other response is still sent.
        """
        if self._stream is not None:
            self.cancel()

    async def _deliver(self, beginning: bytes | memoryview) -> None:
        await self._write(beginning)
        if self._stream is not None:
            async with aclosing(self._stream.parts) as parts:
                async for part in parts:
                    await self._write(part)
            self._stream.close()
            await self._write(self._stream.end)

    async def _write(self, data: bytes | memoryview) -> None:
        """Write all data to the socket. Raises TimeoutError (an OSError) for a client that reads too slowly.

        Each part adds its length divided by BYTES_A_SECOND to the time that is left. Time that a fast client saves is
        carried over to later parts, up to WRITE_SECONDS.
        """
        if not data:
            return
        self._seconds_left = min(self._seconds_left, WRITE_SECONDS) + len(data) / BYTES_A_SECOND
        started, connection = monotonic(), self._connection
        worker = connection.worker
        worker.count_unsent(connection, len(data))
        try:
            async with asyncio.timeout(self._seconds_left):
                await worker.loop.sock_sendall(connection.sock, data)
        finally:
            worker.count_unsent(connection, -len(data))
        self._seconds_left -= monotonic() - started

    def _on_done(self, task: "asyncio.Task[None]") -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, OSError):
            log.error("stream_failed", exc_info=error)
        if self._stream is not None:
            self._stream.close()
        self._connection.delivered(whole=not task.cancelled() and error is None)
