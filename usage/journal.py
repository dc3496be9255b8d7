"""The journal: a file to which a worker process appends a line for each event, before the response leaves.

An append survives the death of the process at any point after it. The writer holds an exclusive lock on its file as
long as it lives; a journal whose lock can be had has lost its writer and may be drained by anyone.

The file's first line names the format's version, each other line is an Event as a JSON array.

Refusals that are alike (Event.alike) and come within a second are one line, whose count is written over: so nobody
without a right can fill the disk or the ledger, and still each answer is counted before it leaves.
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
FORMAT = 2  # since there is a model; usage.drain reads 1, too
HEADER = b'{"journal": %d}\n' % FORMAT
FOLD_SECONDS = 1.0
PROBE = b" " * 1023 + b"\n"  # as large as an event
COUNT = b"%10d"  # of a fixed width, so that it can be written over


class Fold:
    """A line that counts events that are alike, as long as it may."""

    __slots__ = ("count", "count_at", "start", "until")

    def __init__(self, start: int, count_at: int, until: float) -> None:
        self.start = start  # of the line, and next, of its count: positions in the file
        self.count_at = count_at
        self.until = until  # on time.monotonic's clock
        self.count = 1


class Journal:
    """This process's journal, made at the first event. Safe for threads; a fork begins one of its own.

    `room` is how many bytes it may grow by, as far as the flusher has measured; None for as many as the disk holds.
    `failure` is why the last event could not be written, and `lost` counts those that could not since `recover`.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._fd: int | None = None
        self._counts: int | None = None  # the same file, not for appending: that ignores the position it is given
        self._size = 0
        self._folds: dict[tuple[object, ...], Fold] = {}
        self.path: Path | None = None
        self.room: int | None = None
        self.failure: OSError | None = None
        self.lost = 0
        os.register_at_fork(after_in_child=self._forget)

    def append(self, folder: Path, event: Event) -> bool:
        """Whether the event is written. Where it is not, nothing of it stays in the file, and it counts as lost."""
        alike = event.alike
        with self._lock:
            try:
                if alike is None:
                    self._write(folder, json.dumps(event, separators=(",", ":")).encode() + b"\n")
                elif not self._fold(alike):
                    self._begin_fold(folder, alike, event)
            except OSError as error:
                self.failure, self.lost = error, self.lost + 1
                events_lost.inc()
                return False
        return True

    def recover(self, folder: Path) -> int | None:
        """After a failure: how many events were lost, if the next one can be written; else None."""
        with self._lock:
            try:
                self._probe(folder)
            except OSError as error:
                self.failure = error
                return None
            self.failure, lost, self.lost = None, self.lost, 0
        return lost

    def has_vanished(self) -> bool:
        """Whether somebody has removed the file: what is written to it now is nowhere."""
        with self._lock:
            return self._fd is not None and os.fstat(self._fd).st_nlink == 0

    def settled(self) -> int:
        """Up to where no line changes any more: what may be drained while this process writes on."""
        with self._lock:
            now = time.monotonic()
            self._folds = {alike: fold for alike, fold in self._folds.items() if fold.until > now}
            return min((fold.start for fold in self._folds.values()), default=self._size)

    def retire(self) -> None:
        """Leave the file to whoever drains what is left of it; the next event begins another."""
        with self._lock:
            self._close()

    def _fold(self, alike: tuple[object, ...]) -> bool:
        """Count one more in the line of an event that is like this one, if there is one of this second."""
        fold = self._folds.get(alike)
        if fold is None or fold.until <= time.monotonic() or self._counts is None:
            return False
        os.pwrite(self._counts, COUNT % (fold.count + 1), fold.count_at)
        fold.count += 1
        return True

    def _begin_fold(self, folder: Path, alike: tuple[object, ...], event: Event) -> None:
        line = json.dumps(event[:-1], separators=(",", ":")).encode()[:-1] + b"," + COUNT % 1 + b"]\n"
        start = self._write(folder, line)
        count_at = start + line.index(COUNT % 1, -len(COUNT % 1) - 2)
        self._folds[alike] = Fold(start, count_at, time.monotonic() + FOLD_SECONDS)

    def _write(self, folder: Path, line: bytes) -> int:
        """Where in the file the line begins."""
        if self.room is not None and self.room < len(line):
            raise OSError(errno.EDQUOT, "the journals have reached USAGE_JOURNAL_MAX_BYTES")
        fd = self._begin(folder) if self._fd is None else self._fd
        written = os.write(fd, line)
        if written != len(line):  # the disk is full; the next line must not be glued to half of this one
            os.ftruncate(fd, self._size)
            raise OSError(errno.ENOSPC, f"only {written} of {len(line)} bytes could be written to {self.path}")
        if self.room is not None:
            self.room -= written
        start, self._size = self._size, self._size + written
        return start

    def _probe(self, folder: Path) -> None:
        """Raises OSError when no event would fit; leaves nothing."""
        start = self._write(folder, PROBE)
        os.ftruncate(cast(int, self._fd), start)
        self._size = start
        if self.room is not None:
            self.room += len(PROBE)

    def _begin(self, folder: Path) -> int:
        fd, self._counts, self.path = _create(folder)
        self._fd, self._size = fd, len(HEADER)
        return fd

    def _close(self) -> None:
        for fd in (self._fd, self._counts):
            if fd is not None:
                os.close(fd)  # the first gives up the lock, too
        self._fd = self._counts = self.path = None
        self._folds = {}

    def _forget(self) -> None:
        self._lock = threading.Lock()
        self._close()  # the parent's descriptor, and with it the parent's lock, stay


def _create(folder: Path) -> tuple[int, int, Path]:
    """A journal with its header, locked: opened to append to it, and again to write over counts.

    It has another name until it is: what looks like a journal and has no lock is taken for a dead writer's, and
    removed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{uuid.uuid4().hex}{SUFFIX}"
    unborn = path.with_suffix(".new")
    fd = os.open(unborn, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        if os.write(fd, HEADER) != len(HEADER):
            raise OSError(f"the header of {path} could not be written")
        counts = os.open(unborn, os.O_WRONLY | os.O_CLOEXEC)
        unborn.rename(path)
    except OSError:
        os.close(fd)
        unborn.unlink(missing_ok=True)
        raise
    return fd, counts, path


journal = Journal()
