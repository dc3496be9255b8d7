"""The background task of each worker that drains its journal, and those of dead workers, twice a second."""

from pathlib import Path

import structlog
from django.conf import settings

from mcp_project.serving.periodic import Periodic
from usage.drain import drain, drain_orphans
from usage.journal import journal
from usage.lag import journal_lag

log = structlog.get_logger()

ORPHANS_EVERY = 10  # drains
RETIRE_BYTES = 16 << 20  # a drained journal of this size is closed; earlier if USAGE_JOURNAL_MAX_BYTES is small


class Flusher(Periodic):
    """Drains the journals of this host. Events that cannot be drained stay in their file until the next start."""

    name = "usage_drain"
    seconds = 0.5

    def __init__(self) -> None:
        super().__init__()
        self._path: Path | None = None
        self._offset = 0
        self._runs = 0
        self._failure_logged = False

    def act(self, last: bool) -> None:
        if last:
            journal.retire()
        try:
            self.flush(orphans=last or self._runs % ORPHANS_EVERY == 0)
        finally:
            self._runs += 1
            self._check_journal()

    def _check_journal(self) -> None:
        """Measure how much the journals may still grow, and try to recover if events could not be written."""
        folder = settings.USAGE_JOURNAL_DIR
        spare_bytes = settings.USAGE_JOURNAL_MAX_BYTES - journal_lag.waiting_bytes(folder)
        journal.bytes_left = max(0, spare_bytes) // settings.APP_WORKERS
        failure = journal.failure
        if failure is None:
            return
        if not self._failure_logged:
            log.error("usage_journal_failing", error=str(failure), policy=settings.USAGE_WHEN_FULL)
            self._failure_logged = True
        lost = journal.recover(folder)
        if lost is not None:
            log.warning("usage_journal_recovered", events_lost=lost)
            self._failure_logged = False

    def flush(self, orphans: bool = False) -> None:
        """Drain this worker's journal; with `orphans`, those of dead workers as well."""
        if journal.has_vanished():
            log.error("usage_journal_vanished", journal=str(journal.path))  # its undrained events are lost
            journal.retire()
        path = journal.path
        if path is not None:
            if path != self._path:
                self._path, self._offset = path, 0
            self._offset = drain(path, self._offset, journal.settled(), self._check_journal)
            if self._offset >= min(RETIRE_BYTES, settings.USAGE_JOURNAL_MAX_BYTES // (4 * settings.APP_WORKERS)):
                journal.retire()
                orphans = True
        if orphans and settings.USAGE_JOURNAL_DIR.exists():
            drain_orphans(settings.USAGE_JOURNAL_DIR, journal.path, self._check_journal)


flusher = Flusher()
