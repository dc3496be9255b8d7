"""The thread that drains this worker's journal, and those of dead workers, twice a second."""

from pathlib import Path

from django.conf import settings

from mcp_project.periodic import Periodic
from usage.drain import drain, drain_orphans
from usage.journal import journal

ORPHANS_EVERY = 10  # drains
RETIRE_BYTES = 16 << 20  # a drained journal of this size is left for a new one


class Flusher(Periodic):
    """One a process. What cannot be drained stays in its file for the next start."""

    name = "usage_drain"
    seconds = 0.5

    def __init__(self) -> None:
        super().__init__()
        self._path: Path | None = None
        self._offset = 0
        self._runs = 0

    def act(self, last: bool) -> None:
        if last:
            journal.retire()
        self.flush(orphans=last or self._runs % ORPHANS_EVERY == 0)
        self._runs += 1

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


flusher = Flusher()
