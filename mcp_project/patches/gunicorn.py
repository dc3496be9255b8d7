"""gunicorn: nothing is patched. The worker class is built on its base class, whose attributes are not documented."""

from gunicorn.glogging import Logger
from gunicorn.workers.base import Worker

from mcp_project.patches import Part


def parts() -> list[Part]:
    return [
        *(Part(Worker, name) for name in ("init_process", "run", "notify", "handle_exit", "handle_quit")),
        *(Part(Worker, name, method="__init__") for name in ("sockets", "cfg", "alive", "ppid", "age")),
        Part(Worker, "wsgi", method="load_wsgi"),
        Part(Logger, "error_log", method="__init__"),
    ]
