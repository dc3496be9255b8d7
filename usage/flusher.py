"""The thread that drains this worker's journal, and those of dead workers, twice a second."""

import threading
from pathlib import Path

import structlog
from django.conf import settings
from django.db import Error, connection

from usage.drain import drain, drain_orphans
from usage.journal import journal

log = structlog.get_logger()

INTERVAL_SECONDS = 0.5
ORPHANS_EVERY = 10  # drains
RETIRE_BYTES = 16 << 20  # a drained journal of this size is left for a new one


class Flusher:
    """One a process. `start` after the fork; `stop` drains what is left."""

    def __init__(self) -> None:
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._path: Path | None = None
        self._offset = 0
        self._failing = False

    def start(self) -> None:
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, name="usage-flusher", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Drain to the end, and return. What cannot be drained stays in its file for the next start."""
        if self._thread is not None:
            self._stopping.set()
            self._thread.join()
            self._thread = None
            journal.retire()
            self._attempt(orphans=True)

    def flush(self, orphans: bool = False) -> None:
        path = journal.path
        if path is not None:
            if path != self._path:
                self._path, self._offset = path, 0
            self._offset = drain(path, self._offset)
            if self._offset >= RETIRE_BYTES:
                journal.retire()
        if orphans and settings.USAGE_JOURNAL_DIR.exists():
            drain_orphans(settings.USAGE_JOURNAL_DIR, own=journal.path)

    def _run(self) -> None:
        runs = 0
        while not self._stopping.wait(INTERVAL_SECONDS):
            self._attempt(orphans=runs % ORPHANS_EVERY == 0)
            runs += 1

    def _attempt(self, orphans: bool) -> None:
        """Flush; a failure is logged when it begins, and when it ends, and nothing is lost: the file keeps it."""
        try:
            self.flush(orphans)
        except Exception as error:  # whatever it is, the thread must live on
            if not self._failing:
                foreseen = isinstance(error, Error | OSError)
                log.error("usage_drain_failing", error=" ".join(str(error).split()), exc_info=not foreseen)
            self._failing = True
        else:
            if self._failing:
                log.info("usage_drain_recovered")
            self._failing = False
        finally:
            connection.close()  # back to the pool


flusher = Flusher()
