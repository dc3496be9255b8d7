"""gunicorn's threaded worker, with threads kept free for health checks and metrics."""

import socket
import struct
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

OPERATORS = (b"GET /health", b"GET /metrics")
SEND_TIMEOUT = struct.pack("ll", 30, 0)  # seconds and microseconds
LONGEST = max(map(len, OPERATORS))


class HealthFirstWorker(ThreadWorker):  # type: ignore[misc]
    """When every thread waits for a database that hangs, `/health` must still say so, and `/health/live` must keep
    the process from being restarted for it; and the metrics are wanted most just then. So requests that begin like one
    have threads of their own: two, so that a scrape does not hold up a health check."""

    def init_process(self) -> None:
        self.health_pool = ThreadPoolExecutor(max_workers=2, thread_name_prefix="health-answer")
        super().init_process()

    def enqueue_req(self, conn: Any) -> None:
        # Whoever takes nothing of an answer for so long is taken to have gone: it holds a thread.
        conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, SEND_TIMEOUT)
        pool = self.health_pool if is_from_operators(conn.sock) else self.tpool
        future = pool.submit(self.handle, conn)
        future.add_done_callback(lambda done: self.method_queue.defer(self.finish_request, conn, done))


def is_from_operators(sock: socket.socket) -> bool:
    """Looks at what has arrived, taking nothing away. `serve` asks the kernel to hand over a connection only when
    something has."""
    try:
        return sock.recv(LONGEST, socket.MSG_PEEK | socket.MSG_DONTWAIT).startswith(OPERATORS)
    except OSError:
        return False
