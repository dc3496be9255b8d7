"""A real server in processes of its own, as `manage.py serve` starts it."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, LiteralString, Self, TypeVar

import httpx
import psycopg
from django.conf import settings

DEADLINE_SECONDS = 60
KEY = re.compile(r"mcp_[0-9A-Za-z]{8}\.[0-9A-Za-z]{38}")
# How many connections to a database wait for locks.
WAITING: LiteralString = """SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock' AND backend_type = 'client backend'"""
Result = TypeVar("Result")


def until(condition: Callable[[], Result], what: str) -> Result:
    """The result of `condition`, once it is true. Fails after DEADLINE_SECONDS."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < deadline:
        result = condition()
        if result:
            return result
        time.sleep(0.02)
    raise AssertionError(f"not within {DEADLINE_SECONDS} s: {what}")


def at_once(count: int, act: Callable[[], Result]) -> list[Result]:
    """The results of `act` from `count` threads at the same time."""
    with ThreadPoolExecutor(count) as pool:
        return [future.result() for future in [pool.submit(act) for _ in range(count)]]


def database_environment(name: str) -> dict[str, str]:
    """The variables that name database `name` on the PostgreSQL that the tests run on."""
    configured = settings.DATABASES["default"]
    variables = {f"DB_{key}": str(configured.get(key) or "") for key in ("HOST", "PORT", "USER", "PASSWORD")}
    return {**variables, "DB_NAME": name, "DATABASE_URL": ""}


def embedded_environment() -> dict[str, str]:
    """The variables that leave the database to the embedded server, whatever the tests run on."""
    return dict.fromkeys(["DB_HOST", "DB_PORT", "DB_USER", "DB_PASSWORD", "DB_NAME", "DATABASE_URL"], "")


def environment(folder: Path, variables: dict[str, str]) -> dict[str, str]:
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "mcp_project.settings",
        "PRODUCTION": "",
        "DEBUG": "",
        "APP_DEBUG": "",
        "VAR_DIR": str(folder / "var"),
        "LOG_FILE": "",
        "LOG_FORMAT": "json",
        "LOG_LEVEL": "INFO",
        **variables,
    }


def manage(folder: Path, variables: dict[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run `manage.py` to its end."""
    command = [sys.executable, "manage.py", *arguments]
    variables = environment(folder, variables)
    return subprocess.run(
        command, cwd=settings.BASE_DIR, env=variables, capture_output=True, text=True, timeout=120, check=False
    )


class Server:
    """`with Server(folder, variables) as server:` serves on a free port of 127.0.0.1 until the block ends."""

    def __init__(self, folder: Path, variables: dict[str, str], *arguments: str) -> None:
        self.folder = folder
        self.variables = variables
        self.arguments = arguments
        self.output = folder / "server.log"
        self.url = ""

    def __enter__(self) -> Self:
        self.start()
        return self

    def start(self) -> None:
        self.launch()
        self.url = until(self._find_url, "the server says where it serves")
        until(self._is_live, "the server answers")

    def launch(self) -> None:
        command = [sys.executable, "manage.py", "serve", "--port", "0", *self.arguments]
        variables = environment(self.folder, self.variables)
        self.output.write_text("")
        with self.output.open("a") as output:
            self.process = subprocess.Popen(
                command, cwd=settings.BASE_DIR, env=variables, stdout=output, stderr=output, start_new_session=True
            )

    def _find_url(self) -> str:
        if self.process.poll() is not None:
            raise AssertionError(f"the server ended:\n{self.said()}")
        match = re.search(r"Serving on (http://\S+)", self.said())
        return match[1] if match else ""

    def _is_live(self) -> bool:
        try:
            return httpx.get(f"{self.url}/health/live", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    def said(self) -> str:
        return self.output.read_text()

    @property
    def key(self) -> str:
        """The admin key of the first start: printed, or in production in a file."""
        file = self.folder / "var" / "first-admin-key"
        match = KEY.search(file.read_text() if file.exists() else self.said())
        assert match is not None, self.said()
        return match[0]

    def client(self, key: str | None = None, **options: Any) -> httpx.Client:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30, **options)

    def worker_pids(self) -> list[int]:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(pid) for pid in children.split()]

    def both_workers(self) -> list[int]:
        """The pids of the two workers, once gunicorn has forked both."""

        def pids() -> list[int]:
            found = self.worker_pids()
            return found if len(found) == 2 else []

        return until(pids, "there are two workers")

    def stop(self) -> int:
        """SIGTERM; the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=DEADLINE_SECONDS)

    def kill(self) -> None:
        """SIGKILL to the master and every worker at once."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(timeout=DEADLINE_SECONDS)
            self.url = ""  # its port may be anybody's now

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            try:
                self.stop()
            finally:
                self.kill()


@contextmanager
def database_of(server: Server) -> "Iterator[psycopg.Connection[tuple[Any, ...]]]":
    """A connection to the server's database, past the server."""
    names = {"host": "DB_HOST", "port": "DB_PORT", "user": "DB_USER", "password": "DB_PASSWORD", "dbname": "DB_NAME"}
    given = {name: server.variables[variable] for name, variable in names.items() if server.variables[variable]}
    with psycopg.connect(**{"user": "postgres", **given}, autocommit=True) as session:  # type: ignore[arg-type]
        yield session


def count(session: "psycopg.Connection[tuple[Any, ...]]", statement: LiteralString) -> int:
    row = session.execute(statement).fetchone()
    return int(row[0]) if row else 0
