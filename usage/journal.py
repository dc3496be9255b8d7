"""The journal: a file to which a worker process appends a line for each event, before the response is sent.

An appended line survives the death of the process. The writer holds an exclusive lock on its file until it exits. A
journal whose lock is free has lost its writer, and any worker may drain it.

The file's first line names the version of the format; each other line is an Event as a JSON array.

Identical refusals (Event.fold_key) within FOLD_SECONDS share one line, whose count is overwritten in place. Clients
without a valid key thus cannot fill the disk or the ledger, and still each response is counted before it is sent.
"""

import errno
import fcntl
import json
import os
import threading
import time
import uuid
from pathlib import Path
from typing import cast

from usage.events import Event
from usage.metrics import events_lost

SUFFIX = ".journal"
FORMAT = 2  # version 2 added model_id; usage.lines still reads version 1
HEADER = b'{"journal": %d}\n' % FORMAT
FOLD_SECONDS = 1.0
PROBE = b" " * 1023 + b"\n"  # as long as a long event
COUNT = b"%10d"  # of a fixed width, so that it can be overwritten


class Fold:
    """A line whose count still grows with each event of the same fold key."""

    __slots__ = ("count", "count_position", "start", "until")

    def __init__(self, start: int, count_position: int, until: float) -> None:
        self.start = start  # where the line begins in the file, in bytes
        self.count_position = count_position
        self.until = until  # the time.monotonic() from which on the line no longer changes
        self.count = 1


class Journal:
    """This process's journal. Its file is created at the first event. Thread-safe; a forked process begins its own.

    `bytes_left` is how much it may still grow, as the flusher measured last; None: without limit.
    `failure` is the error of the last write if it failed. `lost` counts the events that were lost since `recover`.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._fd: int | None = None
        self._count_fd: int | None = None  # the same file without O_APPEND, under which pwrite ignores the position
        self._size = 0
        self._folds: dict[tuple[object, ...], Fold] = {}
        self.path: Path | None = None
        self.bytes_left: int | None = None
        self.failure: OSError | None = None
        self.lost = 0
        os.register_at_fork(after_in_child=self._reset_after_fork)

    def append(self, folder: Path, event: Event) -> bool:
        """Write the event and return True. If that fails, count the event as lost, leave no trace, return False."""
        fold_key = event.fold_key
        with self._lock:
            try:
                if fold_key is None:
                    self._write(folder, json.dumps(event, separators=(",", ":")).encode() + b"\n")
                elif not self._add_to_fold(fold_key):
                    self._begin_fold(folder, fold_key, event)
            except OSError as error:
                self.failure, self.lost = error, self.lost + 1
                events_lost.inc()
                return False
        return True

    def recover(self, folder: Path) -> int | None:
        """After a failure, test whether an event could be written now.

        If so, clear the failure and return how many events were lost; else return None.
        """
        with self._lock:
            try:
                self._probe(folder)
            except OSError as error:
                self.failure = error
                return None
            self.failure, lost, self.lost = None, self.lost, 0
        return lost

    def has_vanished(self) -> bool:
        """Whether the file has been removed from its folder, so that events written to it would be lost."""
        with self._lock:
            return self._fd is not None and os.fstat(self._fd).st_nlink == 0

    def settled(self) -> int:
        """Return the offset before which no line changes any more, so that the lines up to there may be drained."""
        with self._lock:
            now = time.monotonic()
            self._folds = {key: fold for key, fold in self._folds.items() if fold.until > now}
            return min((fold.start for fold in self._folds.values()), default=self._size)

    def retire(self) -> None:
        """Close the file and release its lock, so that any worker may drain the rest. The next event begins another."""
        with self._lock:
            self._close()

    def _add_to_fold(self, fold_key: tuple[object, ...]) -> bool:
        """Add one to the count of the open line with this key, if there is one."""
        fold = self._folds.get(fold_key)
        if fold is None or fold.until <= time.monotonic() or self._count_fd is None:
            return False
        os.pwrite(self._count_fd, COUNT % (fold.count + 1), fold.count_position)
        fold.count += 1
        return True

    def _begin_fold(self, folder: Path, fold_key: tuple[object, ...], event: Event) -> None:
        line = json.dumps(event[:-1], separators=(",", ":")).encode()[:-1] + b"," + COUNT % 1 + b"]\n"
        start = self._write(folder, line)
        count_position = start + line.index(COUNT % 1, -len(COUNT % 1) - 2)
        self._folds[fold_key] = Fold(start, count_position, time.monotonic() + FOLD_SECONDS)

    def _write(self, folder: Path, line: bytes) -> int:
        """Append a line and return the offset at which it begins. Raises OSError; then nothing of it is in the file."""
        if self.bytes_left is not None and self.bytes_left < len(line):
            raise OSError(errno.EDQUOT, "the journals have reached USAGE_JOURNAL_MAX_BYTES")
        fd = self._begin(folder) if self._fd is None else self._fd
        written = os.write(fd, line)
        if written != len(line):  # the disk is full: remove the partial line, or the next one would continue it
            os.ftruncate(fd, self._size)
            raise OSError(errno.ENOSPC, f"only {written} of {len(line)} bytes could be written to {self.path}")
        if self.bytes_left is not None:
            self.bytes_left -= written
        start, self._size = self._size, self._size + written
        return start

    def _probe(self, folder: Path) -> None:
        """Write a line and remove it again. Raises OSError if an event could not be written."""
        start = self._write(folder, PROBE)
        os.ftruncate(cast(int, self._fd), start)
        self._size = start
        if self.bytes_left is not None:
            self.bytes_left += len(PROBE)

    def _begin(self, folder: Path) -> int:
        fd, self._count_fd, self.path = _create(folder)
        self._fd, self._size = fd, len(HEADER)
        return fd

    def _close(self) -> None:
        for fd in (self._fd, self._count_fd):
            if fd is not None:
                os.close(fd)  # closing _fd releases the lock
        self._fd = self._count_fd = self.path = None
        self._folds = {}

    def _reset_after_fork(self) -> None:
        self._lock = threading.Lock()
        self._close()  # of the child's copies only: the parent's descriptor keeps the lock


def _create(folder: Path) -> tuple[int, int, Path]:
    """Create a journal, lock it and write its header.

    Returns a descriptor for appending, one for overwriting counts, and the path. Until the file is locked it has
    another suffix: a journal without a lock would be taken for that of a dead worker and removed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{uuid.uuid4().hex}{SUFFIX}"
    unlocked_path = path.with_suffix(".new")
    fd = os.open(unlocked_path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        if os.write(fd, HEADER) != len(HEADER):
            raise OSError(f"the header of {path} could not be written")
        count_fd = os.open(unlocked_path, os.O_WRONLY | os.O_CLOEXEC)
        unlocked_path.rename(path)
    except OSError:
        os.close(fd)
        unlocked_path.unlink(missing_ok=True)
        raise
    return fd, count_fd, path


journal = Journal()
