"""How far the ledger is behind this host's journals, for `GET /metrics`."""

import json
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from django.conf import settings
from django.db import Error
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from usage.journal import SUFFIX
from usage.lines import is_header
from usage.models import DrainedJournal

BLOCK_BYTES = 1 << 20


class JournalLag(Collector):
    """Compares the journals with the offsets that this process last read from the ledger.

    A scrape makes no query, so it is answered while the database is unavailable. Until the offsets have been read once,
    there are no samples.
    """

    def __init__(self) -> None:
        self.offsets: dict[str, int] | None = None

    def waiting_bytes(self, folder: Path) -> int:
        """Read the offsets from the ledger and return how many bytes of the folder's journals are not drained.

        While the database is unavailable, the offsets that were read last are used.
        """
        sizes: dict[str, int] = {}
        for path in folder.glob(f"*{SUFFIX}"):
            with suppress(FileNotFoundError):  # drained and removed since the folder was listed
                sizes[path.stem] = path.stat().st_size
        with suppress(Error):
            self.offsets = dict(DrainedJournal.objects.filter(name__in=sizes).values_list("name", "offset"))
        return sum(sizes.values()) - sum((self.offsets or {}).get(name, 0) for name in sizes)

    def collect(self) -> Iterable[Metric]:
        if self.offsets is None:
            return
        events, oldest = self._measure(self.offsets)
        age = 0.0 if oldest is None else max(0.0, time.time() - oldest)
        yield GaugeMetricFamily(
            "mcp_usage_journal_lag_events", "Events in this host's journals that the ledger lacks.", value=events
        )
        yield GaugeMetricFamily("mcp_usage_journal_lag_seconds", "Age of the oldest of them; 0 without any.", value=age)

    @staticmethod
    def _measure(offsets: dict[str, int]) -> tuple[int, float | None]:
        """Return how many events are not drained, and the time of the oldest in seconds since 1970."""
        events, moments = 0, []
        for path in settings.USAGE_JOURNAL_DIR.glob(f"*{SUFFIX}"):
            with suppress(OSError):  # removed since the folder was listed; or unreadable, which the drain logs
                lines, moment = undrained(path, offsets.get(path.stem, 0))
                events += lines
                moments += [] if moment is None else [moment]
        return events, min(moments, default=None)


def undrained(path: Path, offset: int) -> tuple[int, float | None]:
    """Return how many events a journal has from `offset` on, and the time of the first in seconds since 1970."""
    with path.open("rb") as file:
        file.seek(offset)
        first = file.readline()
        if is_header(first):
            first = file.readline()
        if not first.endswith(b"\n"):  # there is no line, or an incomplete one
            return 0, None
        lines = 1
        while block := file.read(BLOCK_BYTES):
            lines += block.count(b"\n")
    return lines, moment_of(first)


def moment_of(line: bytes) -> float | None:
    """Return the time of an event's line in seconds since 1970, or None if the line cannot be parsed."""
    try:
        return float(json.loads(line)[0])
    except (ValueError, TypeError, LookupError):
        return None


journal_lag = JournalLag()
