"""Limits warnings that every request would repeat during an outage."""

import threading
import time

import structlog

log = structlog.get_logger()

INTERVAL_SECONDS = 10.0


class FoldedWarning:
    """Logs an event at most once in INTERVAL_SECONDS. Thread-safe.

    The field `times` of a line is the number of reports since the last line, this one included.
    """

    def __init__(self, event: str) -> None:
        self._event = event
        self._lock = threading.Lock()
        self._times = 0
        self._next = 0.0  # the time.monotonic() before which no line is logged

    def report(self, error: BaseException, **details: object) -> None:
        with self._lock:
            self._times += 1
            now = time.monotonic()
            if now < self._next:
                return
            times, self._times, self._next = self._times, 0, now + INTERVAL_SECONDS
        log.warning(self._event, times=times, error=" ".join(str(error).split()), **details)
