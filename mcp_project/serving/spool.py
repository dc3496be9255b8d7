"""A buffer for a stream that a thread produces at its own speed and the event loop sends at the client's."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from tempfile import SpooledTemporaryFile
from threading import Event, Lock

from mcp_project.serving.budget import Budget

MEMORY_BYTES = 1 << 20  # unsent data beyond this goes to a temporary file
READ_BYTES = 1 << 16
ROOM_SECONDS = 0.05  # interval at which `put` tests whether the budget has room


class Spool:
    """A first-in-first-out buffer of bytes. A thread calls `put` and `end`; the loop iterates and calls `close`.

    A slow client therefore occupies a file, but no thread and no database connection. All spools of a worker share one
    budget of bytes; while it is used up, `put` waits until clients have read some.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, budget: Budget) -> None:
        self._budget = budget
        self._file = SpooledTemporaryFile(max_size=MEMORY_BYTES)  # noqa: SIM115  (`close` closes it)
        self._lock = Lock()
        self._written = self._read = 0
        self._loop, self._ready = loop, asyncio.Event()
        self._ended = self._failed = False
        self._closed = Event()

    def put(self, part: bytes) -> bool:
        """Add a part. Return False if the reader has closed the spool."""
        while not self._budget.take(len(part)):
            if self._closed.wait(ROOM_SECONDS):
                return False
        with self._lock:
            if self._closed.is_set():
                self._budget.give_back(len(part))
                return False
            position = self._written
            self._written += len(part)  # before the write, so that `close` gives the bytes back if the disk is full
            self._file.seek(position)
            self._file.write(part)
        self._loop.call_soon_threadsafe(self._ready.set)
        return True

    def end(self, failed: bool) -> bool:
        """Mark the end of the stream. Return False if the reader has closed the spool.

        With `failed`, iteration raises OSError after the last part, so that the client sees an incomplete response.
        """
        with self._lock:
            self._ended, self._failed = True, failed
            closed = self._closed.is_set()
        self._loop.call_soon_threadsafe(self._ready.set)
        return not closed

    def close(self) -> bool:
        """Stop reading and free the buffer. Return whether `end` had been called."""
        with self._lock:
            if not self._closed.is_set():
                self._closed.set()
                self._budget.give_back(self._written)
                with suppress(OSError):  # a full disk does no harm here, since nothing more is read
                    self._file.close()
            return self._ended

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            ended = self._ended  # read before the file, because the last part is put before the end
            part = self._take()
            if part:
                yield part
            elif not ended:
                await self._ready.wait()
                self._ready.clear()
            elif self._failed:
                raise ConnectionAbortedError("the stream could not be produced to its end")
            else:
                return

    def _take(self) -> bytes:
        with self._lock:
            self._file.seek(self._read)
            part = self._file.read(READ_BYTES)
            self._read += len(part)
            if self._read == self._written:
                self._file.truncate(0)
                self._budget.give_back(self._written)
                self._read = self._written = 0
        return part
