"""A stream that a thread makes at its own speed and the event loop sends at the client's."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from tempfile import SpooledTemporaryFile
from threading import Event, Lock

from mcp_project.serving.budget import Budget

MEMORY_BYTES = 1 << 20  # what is not sent yet goes to a temporary file beyond this
READ_BYTES = 1 << 16
ROOM_SECONDS = 0.05  # between looks whether there is room for another part


class Spool:
    """Bytes in the order in which they were put. A thread calls `put` and `end`; the loop iterates and calls `close`.

    A slow reader therefore holds a file, and neither a thread nor a connection to the database. What is in the files of
    a worker's streams comes out of one budget; when that is spent, `put` waits until some of it is read.
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
        """False when nobody reads any more."""
        while not self._budget.take(len(part)):
            if self._closed.wait(ROOM_SECONDS):
                return False
        with self._lock:
            if self._closed.is_set():
                self._budget.give_back(len(part))
                return False
            position = self._written
            self._written += len(part)  # before it is: `close` gives it back though the disk is full
            self._file.seek(position)
            self._file.write(part)
        self._loop.call_soon_threadsafe(self._ready.set)
        return True

    def end(self, failed: bool) -> bool:
        """No more parts come. With `failed`, iterating raises OSError after the last, so that the client does not take
        what it has for the whole. False when nobody reads any more."""
        with self._lock:
            self._ended, self._failed = True, failed
            closed = self._closed.is_set()
        self._loop.call_soon_threadsafe(self._ready.set)
        return not closed

    def close(self) -> bool:
        """Nothing more is read. Whether all parts had been put."""
        with self._lock:
            if not self._closed.is_set():
                self._closed.set()
                self._budget.give_back(self._written)
                with suppress(OSError):  # the disk is full, and nothing more is read
                    self._file.close()
            return self._ended

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            ended = self._ended  # looked at before the file: the last part is put before the end
            part = self._take()
            if part:
                yield part
            elif not ended:
                await self._ready.wait()
                self._ready.clear()
            elif self._failed:
                raise ConnectionAbortedError("the stream could not be made to its end")
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
