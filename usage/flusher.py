"""The thread that drains this worker's journal, and those of dead workers, twice a second."""

from pathlib import Path

import structlog
from django.conf import settings

from mcp_project.serving.periodic import Periodic
from usage.drain import drain, drain_orphans
from usage.journal import journal
from usage.lag import journal_lag

log = structlog.get_logger()

ORPHANS_EVERY = 10  # drains
RETIRE_BYTES = 16 << 20  # a drained journal of this size is left for a new one, or of less where little is allowed


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
        spare = settings.USAGE_JOURNAL_MAX_BYTES - journal_lag.waiting_bytes(folder)
        journal.room = max(0, spare) // settings.APP_WORKERS
        failure = journal.failure
        if failure is None:
            return
        if not self._told:
            log.error("usage_journal_failing", error=str(failure), policy=settings.USAGE_WHEN_FULL)
            self._told = True
        lost = journal.recover(folder)
        if lost is not None:
            log.warning("usage_journal_recovered", events_lost=lost)
            self._told = False

    def flush(self, orphans: bool = False) -> None:
        if journal.has_vanished():
            log.error("usage_journal_vanished", journal=str(journal.path))  # and what was not drained of it
            journal.retire()
        path = journal.path
        if path is not None:
            if path != self._path:
                self._path, self._offset = path, 0
            self._offset = drain(path, self._offset, journal.settled(), self._look_after)
            if self._offset >= min(RETIRE_BYTES, settings.USAGE_JOURNAL_MAX_BYTES // (4 * settings.APP_WORKERS)):
                journal.retire()
                orphans = True
        if orphans and settings.USAGE_JOURNAL_DIR.exists():
            drain_orphans(settings.USAGE_JOURNAL_DIR, journal.path, self._look_after)


flusher = Flusher()
