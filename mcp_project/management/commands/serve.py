import os
import signal
import socket
import sys
from argparse import ArgumentParser, BooleanOptionalAction
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError

from mcp_project.database import initialise as database
from mcp_project.database.role import missing_role_settings
from mcp_project.env import port as port_number
from mcp_project.serving.greeting import greeting


def port(text: str) -> int:
    return 0 if text == "0" else port_number(text)


class Command(BaseCommand):
    help = "Make the database ready and serve the API and the admin with gunicorn, until SIGTERM or Ctrl-C."
    requires_system_checks: tuple[str, ...] = ()  # `handle` runs them and prints a sentence for each error

    def add_arguments(self, parser: ArgumentParser) -> None:
        host, app_port, debug = settings.APP_HOST, settings.APP_PORT, settings.DEBUG
        workers = settings.APP_WORKERS
        parser.add_argument(
            "--host",
            default=host,
            help=f"address to listen on; 0.0.0.0 opens it to the network (APP_HOST: {host})",
        )
        parser.add_argument(
            "--port", type=port, default=app_port, help=f"port, or 0 for any free one (APP_PORT: {app_port})"
        )
        parser.add_argument("--workers", type=int, default=workers, help=f"worker processes (APP_WORKERS: {workers})")
        parser.add_argument(
            "--debug",
            action=BooleanOptionalAction,
            default=debug,
            help=f"Django's debug mode, debug logging and --reload; for development only (APP_DEBUG: {debug})",
        )
        parser.add_argument(
            "--reload",
            action=BooleanOptionalAction,
            default=None,
            help="restart the workers when a source file changes (default: as --debug)",
        )
        parser.add_argument(
            "--no-init",
            action="store_true",
            help="do not create and migrate the database; fail if it is not ready",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        if options["debug"] and settings.PRODUCTION:
            raise CommandError("PRODUCTION refuses --debug.")
        if not 1 <= options["workers"] <= 256:
            raise CommandError("--workers must be from 1 to 256.")
        require_passing_checks()
        # End by an exception, as at Ctrl-C, so that the embedded database is stopped on exit.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
        for folder in settings.WRITABLE_DIRS:
            make_writable(folder)
        listener = listen(options["host"], options["port"])
        self.make_ready(initialise=not options["no_init"])
        host, bound_port = listener.getsockname()[:2]
        self.stdout.write(greeting(host, bound_port, initialise=not options["no_init"]))
        self.stdout.flush()
        database.release_connections()
        self.become_gunicorn(listener, options)

    def make_ready(self, initialise: bool) -> None:
        if initialise:
            database.initialise(verbosity=0)
            return
        pending = database.pending_migrations()
        if pending:
            database.require_current_migrations()
            raise CommandError(
                f"The database lacks {len(pending)} migrations ({pending[0]} first): "
                "run `manage.py init_db`, or serve without --no-init."
            )
        missing = missing_role_settings()
        if missing:
            raise CommandError(
                f"The database does not hold the service to its time limits ({', '.join(missing)}): "
                "run `manage.py init_db`, or serve without --no-init."
            )

    def become_gunicorn(self, listener: socket.socket, options: dict[str, Any]) -> None:
        """Replace this process by gunicorn's master.

        The master then has no modules loaded that `--reload` would have to reload, no database connection, and receives
        all signals itself.
        """
        reload = options["debug"] if options["reload"] is None else options["reload"]
        listener.set_inheritable(True)
        arguments = ["--bind", f"fd://{listener.fileno()}", "--workers", str(options["workers"])]
        arguments += ["--reload"] if reload else ["--preload"]
        debug = str(options["debug"])
        environment = {
            **os.environ,
            "DEBUG": debug,
            "APP_DEBUG": debug,
            "APP_WORKERS": str(options["workers"]),
        }
        os.chdir(settings.BASE_DIR)
        # Until gunicorn's handlers are installed, a signal would end the process and leave the embedded database
        # running. Block signals until then; gunicorn_config.when_ready unblocks them.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
        command = [sys.executable, "-m", "gunicorn", "-c", "python:mcp_project.serving.gunicorn_config", *arguments]
        os.execve(sys.executable, command, environment)  # noqa: S606


def require_passing_checks() -> None:
    """Run the system checks. Raises ImproperlyConfigured with a sentence for each error."""
    errors = [message.msg for message in run_checks() if message.is_serious()]
    if errors:
        raise ImproperlyConfigured("\n".join(errors))


def make_writable(folder: Path) -> None:
    """Create the folder if it is missing. Raises ImproperlyConfigured if that fails or it is not writable."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".writable-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise ImproperlyConfigured(f"{folder} (under VAR_DIR) is not writable: {error.strerror}.") from error


def listen(host: str, port: int) -> socket.socket:
    """Bind the socket that gunicorn will serve. Done before other work, so that a port in use is reported at once."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listener = socket.socket(family)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen()
    except (OSError, UnicodeError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        raise CommandError(
            f"Cannot listen on {host}:{port}: {reason}. "
            "Choose another with --host and --port, or APP_HOST and APP_PORT."
        ) from None
    return listener
