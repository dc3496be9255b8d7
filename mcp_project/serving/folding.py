"""Warnings that every request would repeat while something is wrong."""

import threading
import time

import structlog

log = structlog.get_logger()

INTERVAL_SECONDS = 10.0


class FoldedWarning:
    """Logs one event at once, and then at most one line in INTERVAL_SECONDS. `times` in a line is how often it was
    reported since the line before. Safe for threads."""

    def __init__(self, event: str) -> None:
        self._event = event
        self._lock = threading.Lock()
        self._times = 0
        self._next = 0.0  # on time.monotonic's clock

    def report(self, error: BaseException, **details: object) -> None:
        with self._lock:
            self._times += 1
            now = time.monotonic()
            if now < self._next:
                return
            times, self._times, self._next = self._times, 0, now + INTERVAL_SECONDS
        log.warning(self._event, times=times, error=" ".join(str(error).split()), **details)
