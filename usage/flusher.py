"""The thread that drains this worker's journal, and those of dead workers, twice a second."""

from contextlib import suppress
from pathlib import Path

import structlog
from django.conf import settings

from mcp_project.periodic import Periodic
from usage.drain import drain, drain_orphans
from usage.journal import SUFFIX, journal

log = structlog.get_logger()

ORPHANS_EVERY = 10  # drains
RETIRE_BYTES = 16 << 20  # a drained journal of this size is left for a new one, or of less where little is allowed


def waiting_bytes(folder: Path) -> int:
    """Of all journals of this host, what was drained of living ones included."""
    total = 0
    for path in folder.glob(f"*{SUFFIX}"):
        with suppress(FileNotFoundError):  # drained meanwhile
            total += path.stat().st_size
    return total


class Flusher(Periodic):
    """One a process. What cannot be drained stays in its file for the next start."""

    name = "usage_drain"
    seconds = 0.5

    def __init__(self) -> None:
        super().__init__()
        self._path: Path | None = None
        self._offset = 0
        self._runs = 0
        self._told = False  # that the journal is failing

    def start(self) -> None:
        self._look_after()
        super().start()

    def act(self, last: bool) -> None:
        if last:
            journal.retire()
        try:
            self.flush(orphans=last or self._runs % ORPHANS_EVERY == 0)
        finally:
            self._runs += 1
            self._look_after()

    def _look_after(self) -> None:
        """Measure how much the journals may grow, and see whether events can be written again."""
        folder = settings.USAGE_JOURNAL_DIR
        drained = self._offset if journal.path == self._path else 0
        spare = settings.USAGE_JOURNAL_MAX_BYTES - waiting_bytes(folder) + drained
        journal.room = max(0, spare) // settings.APP_WORKERS
        failure = journal.failure
        if failure is None:
            return
        lost = journal.recover(folder)
        if lost is not None:
            log.warning("usage_journal_recovered", events_lost=lost)
            self._told = False
        elif not self._told:
            log.error("usage_journal_failing", error=str(failure), policy=settings.USAGE_WHEN_FULL)
            self._told = True

    def flush(self, orphans: bool = False) -> None:
        path = journal.path
        if path is not None:
            if path != self._path:
                self._path, self._offset = path, 0
            self._offset = drain(path, self._offset, journal.settled())
            if self._offset >= min(RETIRE_BYTES, settings.USAGE_JOURNAL_MAX_BYTES // (4 * settings.APP_WORKERS)):
                journal.retire()
        if orphans and settings.USAGE_JOURNAL_DIR.exists():
            drain_orphans(settings.USAGE_JOURNAL_DIR, own=journal.path)


flusher = Flusher()
