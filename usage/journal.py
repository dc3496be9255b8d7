"""The journal: a file to which a worker process appends a line for each event, before the response leaves.

An append survives the death of the process at any point after it. The writer holds an exclusive lock on its file as
long as it lives; a journal whose lock can be had has lost its writer and may be drained by anyone.

The file's first line names the format's version, each other line is an Event as a JSON array.
"""

import errno
import fcntl
import json
import os
import threading
import uuid
from pathlib import Path

from usage.events import Event

SUFFIX = ".journal"
HEADER = b'{"journal": 1}\n'


class Journal:
    """This process's journal, made at the first event. Safe for threads; a fork begins one of its own.

    `room` is how many bytes it may grow by, as far as the flusher has measured; None for as many as the disk holds.
    `failure` is why the last event could not be written, and `lost` counts those that could not since `recover`.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._fd: int | None = None
        self.path: Path | None = None
        self.room: int | None = None
        self.failure: OSError | None = None
        self.lost = 0
        os.register_at_fork(after_in_child=self._forget)

    def append(self, folder: Path, event: Event) -> bool:
        """Whether the event is written. Where it is not, nothing of it stays in the file, and it counts as lost."""
        line = json.dumps(event, separators=(",", ":")).encode() + b"\n"
        try:
            self._write(folder, line)
        except OSError as error:
            with self._lock:
                self.failure, self.lost = error, self.lost + 1
            return False
        return True

    def recover(self, folder: Path) -> int | None:
        """After a failure: how many events were lost, if the next one can be written; else None."""
        try:
            self._write(folder, HEADER)  # which drains skip
        except OSError as error:
            self.failure = error
            return None
        with self._lock:
            self.failure, lost, self.lost = None, self.lost, 0
        return lost

    def _write(self, folder: Path, line: bytes) -> None:
        with self._lock:
            if self.room is not None and self.room < len(line):
                raise OSError(errno.EDQUOT, "the journals have reached USAGE_JOURNAL_MAX_BYTES")
            if self._fd is None:
                self._fd, self.path = _create(folder)
            written = os.write(self._fd, line)
            if written != len(line):  # the disk is full; the next line must not be glued to half of this one
                os.ftruncate(self._fd, os.fstat(self._fd).st_size - written)
                raise OSError(errno.ENOSPC, f"only {written} of {len(line)} bytes could be written to {self.path}")
            if self.room is not None:
                self.room -= written

    def retire(self) -> None:
        """Leave the file to whoever drains what is left of it; the next event begins another."""
        with self._lock:
            if self._fd is not None:
                os.close(self._fd)  # gives up the lock, too
            self._fd = self.path = None

    def _forget(self) -> None:
        self._lock = threading.Lock()
        if self._fd is not None:
            os.close(self._fd)  # the parent's descriptor, and with it the parent's lock, stay
        self._fd = self.path = None


def _create(folder: Path) -> tuple[int, Path]:
    """A journal with its header, locked. It has another name until it is: what looks like a journal and has no lock
    is taken for a dead writer's, and removed."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{uuid.uuid4().hex}{SUFFIX}"
    unborn = path.with_suffix(".new")
    fd = os.open(unborn, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        if os.write(fd, HEADER) != len(HEADER):
            raise OSError(f"the header of {path} could not be written")
        unborn.rename(path)
    except OSError:
        os.close(fd)
        unborn.unlink(missing_ok=True)
        raise
    return fd, path


journal = Journal()
