"""gunicorn's threaded worker, with a thread kept free for health checks."""

import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

HEALTH = b"GET /health"


class HealthFirstWorker(ThreadWorker):  # type: ignore[misc]
    """When every thread waits for a database that hangs, `/health` must still say so, and `/health/live` must keep
    the process from being restarted for it. So requests that begin like one have a thread of their own."""

    def init_process(self) -> None:
        self.health_pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="health-answer")
        super().init_process()

    def enqueue_req(self, conn: Any) -> None:
        pool = self.health_pool if asks_for_health(conn.sock) else self.tpool
        future = pool.submit(self.handle, conn)
        future.add_done_callback(lambda done: self.method_queue.defer(self.finish_request, conn, done))


def asks_for_health(sock: socket.socket) -> bool:
    """Looks at what has arrived, taking nothing away. `serve` asks the kernel to hand over a connection only when
    something has."""
    try:
        return sock.recv(len(HEALTH), socket.MSG_PEEK | socket.MSG_DONTWAIT) == HEALTH
    except OSError:
        return False
