"""Outages of the limiter's store."""

import threading
import time

import structlog
from django.conf import settings

from keys.limits.stores import Store, StoreAway

log = structlog.get_logger()

PROBE_SECONDS = 0.5  # between two attempts to reach a store that is unavailable


class Outage:
    """Whether the store is unavailable, as far as this process knows. Thread-safe."""

    def __init__(self) -> None:
        self._since: float | None = None  # this and the next on time.monotonic's clock
        self._next_probe = 0.0
        self._lock = threading.Lock()

    def may_ask(self) -> bool:
        """True as long as the store answers; while it does not, for one request every PROBE_SECONDS."""
        if self._since is None:
            return True
        with self._lock:
            now = time.monotonic()
            if now < self._next_probe:
                return False
            self._next_probe = now + PROBE_SECONDS
        return True

    def begin(self, store: Store, error: StoreAway) -> None:
        with self._lock:
            now = time.monotonic()
            self._next_probe = now + PROBE_SECONDS
            if self._since is None:
                self._since = now
                reason = " ".join(str(error).split())
                log.error("limiter_store_lost", store=store.name, mode=settings.THROTTLE_ON_OUTAGE, error=reason)

    def end(self, store: Store, called_at: float) -> None:
        """End the outage, because the store has answered a call that began at `asked`."""
        if self._since is None:
            return
        with self._lock:
            if self._since is not None and called_at > self._since:  # not a late response
                log.info("limiter_store_back", store=store.name, seconds=round(time.monotonic() - self._since, 1))
                self._since = None
