"""The worker class for gunicorn: an event loop that waits for clients, and threads that run Django.

The loop reads each request to its end, within deadlines and size limits, and writes each response at the client's
speed. A request occupies a thread of the pool only while Django handles it, so a slow client never occupies one.
"""

import asyncio
import errno
import os
import resource
import socket
from contextlib import suppress
from time import monotonic
from typing import Any

import structlog
from django.conf import settings
from django.utils.module_loading import import_string
from gunicorn.workers.base import Worker

from mcp_project.serving import responses
from mcp_project.serving.application import run
from mcp_project.serving.budget import Budget
from mcp_project.serving.connection import Connection, State
from mcp_project.serving.environ import Environ, base_environ
from mcp_project.serving.pool import Pool, Serving

log = structlog.get_logger("serving")

SWEEP_SECONDS = 0.25  # interval at which deadlines are tested
WAITING_PER_THREAD = 128  # requests that may wait for each thread
BODIES_BYTES = 64 << 20  # limit of request bodies in memory
SPOOLED_BYTES = 1 << 30  # limit of streams that wait in memory or temporary files for clients to read them
UNSENT_BYTES = 64 << 20  # limit of response bytes that clients have not accepted
RESERVED_FILES = 128  # open files that are not for clients: database, journals, logs, spooled streams
CUT_SECONDS = 1.0  # for the clean-up of streams that are cut when the worker ends
SHUTDOWN_SECONDS = 5.0  # part of graceful_timeout that is left for the last run of the background tasks

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
OPERATORS = {"/health/live": 1, "/health": 2, "/metrics": 1}  # paths with threads of their own


class LoopWorker(Worker):  # type: ignore[misc]
    """A worker process.

    The paths in OPERATORS have threads of their own. When all other threads wait for a database that hangs, `/health`
    must still report it, and `/health/live` must respond, or the process would be restarted for no reason.
    """

    loop: asyncio.AbstractEventLoop

    def init_process(self) -> None:
        self.connections: set[Connection] = set()
        self.bodies, self.spooled = Budget(BODIES_BYTES), Budget(SPOOLED_BYTES)
        self._unsent_bytes = 0
        self._pool = Serving.pool = Pool("request", self.cfg.threads, WAITING_PER_THREAD * self.cfg.threads)
        self._operators = {path: Pool(path, threads, WAITING_PER_THREAD) for path, threads in OPERATORS.items()}
        self._most = self._most_connections()
        super().init_process()

    def _most_connections(self) -> int:
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        most = min(int(self.cfg.worker_connections), files - RESERVED_FILES)
        if most < self.cfg.worker_connections:
            log.warning("connections_limited", connections=most, open_files=files)
        return max(most, 1)

    def run(self) -> None:
        self.refuses_by_head = import_string(settings.REFUSES_BY_HEAD)  # not before the application is loaded
        self.loop = new_loop()
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        self._bases = {listener: self._base(listener) for listener in self.sockets}
        for listener in self.sockets:
            listener.setblocking(False)
        self._accept_all(True)
        while self.alive and self.ppid == os.getppid():  # signals and the reloader set `alive` to False
            self._sweep()
            await asyncio.sleep(SWEEP_SECONDS)
        self._accept_all(False)
        await self._shut_down()

    def _base(self, listener: Any) -> Environ:
        name = listener.getsockname()
        server = (name[0], name[1]) if isinstance(name, tuple) else ("localhost", 80)
        return base_environ(server, multiprocess=self.cfg.workers > 1)

    # --- Connections --------------------------------------------------------------------------------------------------

    def _accept_all(self, accept: bool) -> None:
        for listener in self.sockets:
            if accept:
                self.loop.add_reader(listener, self._accept, listener)
            else:
                self.loop.remove_reader(listener)

    def _accept(self, listener: Any) -> None:
        """Accept one connection at a time, so that a burst is spread over all workers."""
        try:
            sock, address = listener.accept()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                log.error("accept_failed", error=str(error))
                self._accept_all(False)
                self.loop.call_later(SWEEP_SECONDS, lambda: self._accept_all(self.alive))
            return
        sock.setblocking(False)
        peer = ("", "")
        if isinstance(address, tuple):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            peer = (address[0], str(address[1]))
        connection = Connection(self, sock, peer, self._bases[listener])
        self.connections.add(connection)
        if len(self.connections) > self._most:
            self._make_room(connection)

    def _make_room(self, newcomer: Connection) -> None:
        """Close the connection that has waited longest for its client. Refuse the new one if none is waiting."""
        waiting = [
            connection
            for connection in self.connections
            if connection is not newcomer and connection.state in (State.READING, State.DRAINING)
        ]
        if waiting:
            min(waiting, key=lambda connection: connection.since).close()
        else:
            newcomer.refuse(responses.CONNECTIONS_FULL)

    def forget(self, connection: Connection) -> None:
        self.connections.discard(connection)

    def submit(self, method: str, path: str, connection: Connection) -> bool:
        """Queue the request for a thread. Return False if the queue is full."""
        pool = self._operators.get(path.rstrip("/"), self._pool)
        return pool.submit(lambda: run(connection), method not in SAFE_METHODS)

    def reserve_body(self, connection: Connection, size: int) -> bool:
        """Reserve memory for `size` more bytes of the connection's body. Return False if the request is refused.

        If memory is used up, the request whose body has been arriving longest is refused, which may be this one.
        Otherwise a few clients that send slowly could keep out all others.
        """
        while not self.bodies.take(size):
            reading = [other for other in self.connections if other.state is State.READING and other.body_bytes]
            longest = min([connection, *reading], key=lambda other: other.since)
            longest.refuse(responses.BODIES_FULL)
            if longest is connection:
                return False
        return True

    def count_unsent(self, connection: Connection, size: int) -> None:
        """Add `size` to the bytes that wait to be written; it is negative when bytes have been written.

        Beyond UNSENT_BYTES, the connections that have been writing longest are aborted.
        """
        connection.unsent_bytes += size
        self._unsent_bytes += size
        excess = self._unsent_bytes - UNSENT_BYTES
        if excess > 0:
            writing = [other for other in self.connections if other.state is State.WRITING]
            for other in sorted(writing, key=lambda other: other.since):
                if excess > 0:
                    excess -= other.unsent_bytes
                    other.abort()

    def _sweep(self) -> None:
        self.notify()
        now = monotonic()
        for connection in [connection for connection in self.connections if connection.deadline < now]:
            connection.expire()

    # --- Ending -------------------------------------------------------------------------------------------------------

    async def _shut_down(self) -> None:
        """Finish the requests that have begun, within graceful_timeout, and then abort the others."""
        deadline = monotonic() + self.cfg.graceful_timeout - SHUTDOWN_SECONDS
        for connection in list(self.connections):
            if connection.state is State.READING:
                if connection.has_begun:
                    connection.deadline = min(connection.deadline, monotonic() + SHUTDOWN_SECONDS)
                else:
                    connection.close()
        await self._until_ended(deadline)
        for connection in list(self.connections):
            connection.abort()
        await self._until_ended(monotonic() + CUT_SECONDS)
        if self.connections:
            log.warning("requests_abandoned", count=len(self.connections))
        with suppress(TimeoutError):  # asynchronous streams that do not finish their clean-up in time are abandoned
            async with asyncio.timeout(CUT_SECONDS):
                await self.loop.shutdown_asyncgens()

    async def _until_ended(self, deadline: float) -> None:
        while self.connections and monotonic() < deadline:
            self._sweep()
            await asyncio.sleep(0.02)


def new_loop() -> asyncio.AbstractEventLoop:
    import uvloop

    return uvloop.new_event_loop()
