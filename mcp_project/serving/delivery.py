"""A response, or the rest of one, that the event loop writes at the client's speed."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from time import monotonic
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from mcp_project.serving.connection import Connection

log = structlog.get_logger("serving")

WRITE_SECONDS = 10.0  # for a response, and a second more for each BYTES_A_SECOND
BYTES_A_SECOND = 32 << 10


class Stream:
    """The parts of a response's body as they go to the socket, then its end.

    `close` is called once: before the end is sent, so that a client which has the whole response is in the ledger; or
    when no more is sent.
    """

    def __init__(self, parts: AsyncGenerator[bytes, None], end: bytes, close: Callable[[], None]) -> None:
        self.parts, self.end = parts, end
        self._close: Callable[[], None] | None = close

    def close(self) -> None:
        close, self._close = self._close, None
        if close is not None:
            close()


class Delivery:
    """Begins at once. Ends with a call of the connection's `delivered`."""

    def __init__(self, connection: "Connection", beginning: bytes | memoryview, stream: Stream | None) -> None:
        self._connection, self._stream = connection, stream
        self._patience = WRITE_SECONDS
        self._task = connection.worker.loop.create_task(self._deliver(beginning))
        # Not a `finally`: of a task that is cancelled before it begins, nothing is run.
        self._task.add_done_callback(self._on_done)
        if connection.eof:
            self.on_eof()

    def cancel(self) -> None:
        self._task.cancel()

    def on_eof(self) -> None:
        """A client that has left should not be waited for between the parts of a stream. Any other response is tried,
        since a client that has only stopped sending looks the same."""
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
        """Return when the kernel has taken all. Raises TimeoutError (an OSError) for a client that reads too slowly:
        it may take WRITE_SECONDS and what BYTES_A_SECOND allow, less what earlier parts took beyond that."""
        if not data:
            return
        self._patience = min(self._patience, WRITE_SECONDS) + len(data) / BYTES_A_SECOND
        begun, connection = monotonic(), self._connection
        worker = connection.worker
        worker.count_unsent(connection, len(data))
        try:
            async with asyncio.timeout(self._patience):
                await worker.loop.sock_sendall(connection.sock, data)
        finally:
            worker.count_unsent(connection, -len(data))
        self._patience -= monotonic() - begun

    def _on_done(self, task: "asyncio.Task[None]") -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, OSError):
            log.error("stream_failed", exc_info=error)
        if self._stream is not None:
            self._stream.close()
        self._connection.delivered(whole=not task.cancelled() and error is None)
