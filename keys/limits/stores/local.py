"""Buckets in the process, used while the store is unavailable."""

import threading
import time
from uuid import UUID

from django.conf import settings

from keys.limits.decision import Decision, Limits
from keys.memory import Memory


class LocalStore:
    """Each worker of a host admits its share of a key's rate. It knows nothing of quotas."""

    name = "local"

    def __init__(self) -> None:
        self._full_at: Memory[UUID, int] = Memory()  # on time.monotonic_ns's clock
        self._lock = threading.Lock()

    def spend(self, limits: Limits, cost: int) -> Decision:
        share = Limits(limits.pool_id, limits.rate.share(settings.APP_WORKERS))
        rate = share.rate
        with self._lock:
            now = time.monotonic_ns()
            debt = (self._full_at.get(limits.pool_id) or now) - now
            ahead = min(max(0, debt), rate.capacity)
            admitted = max(cost, 1) * rate.emission <= rate.capacity - ahead
            if cost and (admitted or debt > rate.capacity):
                ahead += cost * rate.emission if admitted else 0
                full_at = now + ahead
                self._full_at.put(limits.pool_id, full_at, full_at / 1e9, settings.KEY_CACHE_SIZE)
        return Decision(share, cost, admitted, ahead, outage=self.name)
