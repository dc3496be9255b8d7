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
shared_metrics.share()  # before the application is loaded, and with it what counts
KILLED_SECONDS = 10.0  # that a worker which was killed may take to be gone
embedded = EmbeddedPostgres(settings.EMBEDDED_POSTGRES_DIR) if settings.EMBEDDED_DATABASE else None


class StructuredLogger(Logger):  # type: ignore[misc]
    """gunicorn's events through the service's own log."""

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
# Several threads, though Python runs one at a time: one slow report must not hold up a worker. On two cores, with the
# database beside, four answered as many writes a second as one, and a fifth fewer reads; but with one, the slowest of a
# hundred requests took 12 times as long as the middle one, at half of the load, and 5 times with four.
worker_class = "mcp_project.serving.worker.LoopWorker"
logger_class = StructuredLogger
loglevel = settings.LOGGING["level"].lower()
forwarded_allow_ips = ",".join(settings.TRUSTED_PROXIES)  # gunicorn itself would trust whatever runs on this host
secure_scheme_headers = {"X-FORWARDED-PROTO": "https"}
forwarder_headers = ""  # no proxy sets SCRIPT_NAME or PATH_INFO here, so nobody may
graceful_timeout = 30
timeout = 60
keepalive = 75  # longer than the usual proxy's 60, so that the proxy closes first and never meets a closed socket
control_socket_disable = True
proc_name = "mcp"


def on_starting(_server: Any) -> None:
    if embedded is not None:
        embedded.start()


def when_ready(_server: Any) -> None:
    # `serve` holds signals back until somebody can act on them: see Command.become_gunicorn.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM, signal.SIGINT})


def pre_fork(server: Any, worker: Any) -> None:
    worker.slot = shared_metrics.free_slot(other.slot for other in server.WORKERS.values())


def post_fork(_server: Any, worker: Any) -> None:
    shared_metrics.count_in(worker.slot)


def post_worker_init(worker: Any) -> None:
    # Ctrl-C reaches every process of the terminal, and the master then sends a SIGQUIT of its own: two "quick" exits
    # at once, which can lock up the worker's thread pool. One graceful exit, told by the master, is what is wanted.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGQUIT, worker.handle_exit)
    for task in settings.BACKGROUND_TASKS:
        import_string(task).start()


def worker_exit(_server: Any, worker: Any) -> None:
    if worker.pid != os.getpid():  # gunicorn also calls this in the master, for a worker that is gone
        return
    for task in settings.BACKGROUND_TASKS:
        import_string(task).stop()


def on_exit(_server: Any) -> None:
    shared_metrics.unshare()
    if embedded is not None:
        wait_for_children(KILLED_SECONDS)  # of which each holds its share of the server
        embedded.release()


def wait_for_children(seconds: float) -> None:
    """Return when no child of this process is left, or after so many seconds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            time.sleep(0.01)
