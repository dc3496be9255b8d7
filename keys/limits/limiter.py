"""The limiter of this process: the store's decisions, remembered refusals, and the modes for when the store is
unavailable."""

import time
from functools import cached_property
from uuid import UUID

from django.conf import settings

from keys.errors import LimiterUnavailable
from keys.limits import metrics
from keys.limits.decision import Decision, Limits
from keys.limits.outage import Outage
from keys.limits.rate import NANOSECONDS
from keys.limits.stores import Store, StoreAway
from keys.limits.stores.local import LocalStore
from keys.limits.stores.postgresql import PostgreSQLStore
from keys.limits.stores.redis import RedisStore
from keys.memory import Memory
from mcp_project.serving.folding import FoldedWarning

LONGEST_MEMORY = 5 * NANOSECONDS  # then the store decides again, in case an operator has reset the counters
HELD_SECONDS = 1.0
LONGEST_HELD_SECONDS = 10.0  # after which a pool without requests is forgotten


class Limiter:
    """Decides requests by the counters that all workers and hosts share."""

    def __init__(self) -> None:
        self.outage = Outage()
        self._undecided = FoldedWarning("limiter_undecided")
        self._local = LocalStore()
        # By pool that the store could not decide: when to ask next, on time.monotonic's clock.
        self._held: Memory[UUID, float] = Memory()
        # Refusals by pool, with the time of the decision on time.monotonic_ns's clock, until a request can be admitted.
        self._refused: Memory[UUID, tuple[int, Decision]] = Memory()

    @cached_property
    def store(self) -> Store:
        return RedisStore(settings.REDIS_URL) if settings.REDIS_URL else PostgreSQLStore()

    def spend(self, limits: Limits, cost: int = 1) -> Decision:
        """Charge a request of `cost` units to every limit, or refuse it and charge nothing. A cost of 0 only reads the
        levels.

        Raises LimiterUnavailable when the store is unavailable and the mode is `closed`.
        """
        if cost:
            known = self._remembered(limits, cost)
            if known is not None:
                return known
        called_at = time.monotonic()
        if (cost and self._is_held(limits)) or not self.outage.may_ask():
            return self._without_store(limits, cost)
        try:
            decision = self.store.spend(limits, cost)
        except StoreAway as error:
            if error.lost:
                metrics.store_lost.inc()
                self.outage.begin(self.store, error)
            else:
                metrics.undecided.inc()
                self._undecided.report(error, store=self.store.name)
                self._hold(limits, called_at=time.monotonic())
            return self._without_store(limits, cost)
        self.outage.end(self.store, called_at)
        if len(self._held):
            self._held.put(limits.pool_id, 0.0, 0.0, settings.KEY_CACHE_SIZE)
        if cost and not decision.admitted:
            self._remember(decision, called_at)
        return decision

    def _is_held(self, limits: Limits) -> bool:
        """Whether the store could not decide this pool a moment ago, for example while its row was locked. Then, in the
        mode `closed`, one request in HELD_SECONDS waits for it and the others are refused, because each that waits
        occupies a thread."""
        next_look = self._held.get(limits.pool_id) if len(self._held) else None
        now = time.monotonic()
        if next_look is None or _mode(limits) != "closed":
            return False
        if now >= next_look:
            self._hold(limits, called_at=now)
            return False
        return True

    def _hold(self, limits: Limits, called_at: float) -> None:
        self._held.put(
            limits.pool_id, called_at + HELD_SECONDS, called_at + LONGEST_HELD_SECONDS, settings.KEY_CACHE_SIZE
        )

    def _remembered(self, limits: Limits, cost: int) -> Decision | None:
        """The store's refusal, while it would say the same again. Of the same limits only: they may have been raised,
        and keys of one pool may have different ones."""
        found = self._refused.get(limits.pool_id) if len(self._refused) else None
        if found is None or found[1].limits != limits:
            return None
        since, decision = found
        return decision.later(time.monotonic_ns() - since, cost)

    def _remember(self, decision: Decision, called_at: float) -> None:
        """Remember a refusal until the smallest request could be admitted: a refusal of cost 5 does not decide about
        one of cost 1. The time counts from before the store was called, so that no refusal lasts too long; the client's
        Retry-After counts from the response, so that it never comes back too early."""
        waits = [standing.wait for standing in decision.for_one().standings]
        wait = min(LONGEST_MEMORY, max(LONGEST_MEMORY if wait is None else wait for wait in waits))
        if wait:
            entry, until = (time.monotonic_ns(), decision), called_at + wait / NANOSECONDS
            self._refused.put(decision.limits.pool_id, entry, until, settings.KEY_CACHE_SIZE)

    def _without_store(self, limits: Limits, cost: int) -> Decision:
        mode = _mode(limits)
        if mode == "closed":
            raise LimiterUnavailable(retry_after=1)
        if mode == "open":
            return Decision(limits, cost, admitted=True, outage=mode)
        return self._local.spend(limits, cost)


def _mode(limits: Limits) -> str:
    return limits.on_outage or settings.THROTTLE_ON_OUTAGE


limiter = Limiter()
