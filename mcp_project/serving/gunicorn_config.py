"""gunicorn's configuration, for `manage.py serve` and for `gunicorn -c python:mcp_project.serving.gunicorn_config`."""

import os
import signal
import time
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string
from gunicorn.glogging import Logger

from mcp_project.database.embedded_postgres import EmbeddedPostgres
from mcp_project.serving import logs, shared_metrics

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mcp_project.settings")
logs.configure(settings.LOGGING)
shared_metrics.share()  # before the application is loaded, because its modules create metrics
KILLED_SECONDS = 10.0  # how long a killed worker may take to end
slots: set[int] = set()  # of the workers that live
embedded = EmbeddedPostgres(settings.EMBEDDED_POSTGRES_DIR) if settings.EMBEDDED_DATABASE else None


class StructuredLogger(Logger):  # type: ignore[misc]
    """Sends gunicorn's own messages to the service's log."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True


wsgi_app = "mcp_project.wsgi:application"
bind = (
    f"[{settings.APP_HOST}]:{settings.APP_PORT}"
    if ":" in settings.APP_HOST
    else f"{settings.APP_HOST}:{settings.APP_PORT}"
)
workers = settings.APP_WORKERS
threads = settings.APP_THREADS
# Several threads, although Python runs one at a time, so that one slow report does not block a worker. Measured on two
# cores together with the database: four threads served as many writes a second as one, and a fifth fewer reads. At half
# of the load, p99 was 12 times p50 with one thread, and 5 times with four.
worker_class = "mcp_project.serving.worker.LoopWorker"
logger_class = StructuredLogger
loglevel = settings.LOGGING["level"].lower()
forwarded_allow_ips = ",".join(settings.TRUSTED_PROXIES)  # gunicorn's default trusts every process on this host
secure_scheme_headers = {"X-FORWARDED-PROTO": "https"}
forwarder_headers = ""  # no proxy may set SCRIPT_NAME or PATH_INFO
graceful_timeout = 30
timeout = 60
keepalive = 75  # longer than the usual 60 s of a proxy, so that the proxy closes first and never uses a closed socket
control_socket_disable = True
proc_name = "mcp"


def on_starting(_server: Any) -> None:
    if embedded is not None:
        embedded.start()


def when_ready(_server: Any) -> None:
    # `serve` has blocked these signals until gunicorn's handlers are installed: see Command.become_gunicorn.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM, signal.SIGINT})


def pre_fork(_server: Any, worker: Any) -> None:
    worker.slot = shared_metrics.free_slot(slots)
    slots.add(worker.slot)


def child_exit(_server: Any, worker: Any) -> None:
    slots.discard(worker.slot)


def post_fork(_server: Any, worker: Any) -> None:
    shared_metrics.count_in(worker.slot)


def post_worker_init(worker: Any) -> None:
    # Ctrl-C reaches every process of the terminal, and the master then sends SIGQUIT as well. Two "quick" exits at once
    # can deadlock the worker's thread pool, so the worker ignores the first and exits gracefully at the second.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGQUIT, worker.handle_exit)
    for task in settings.BACKGROUND_TASKS:
        import_string(task).start()


def worker_exit(_server: Any, worker: Any) -> None:
    if worker.pid != os.getpid():  # gunicorn also calls this in the master, after a worker has ended
        return
    for task in settings.BACKGROUND_TASKS:
        import_string(task).stop()


def on_exit(_server: Any) -> None:
    shared_metrics.unshare()
    if embedded is not None:
        wait_for_children(KILLED_SECONDS)  # each of them holds a shared lock on the embedded database
        embedded.release()


def wait_for_children(seconds: float) -> None:
    """Wait until no child of this process is left, at most `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            time.sleep(0.01)
