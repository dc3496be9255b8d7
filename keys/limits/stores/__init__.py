"""Where the counters are: in PostgreSQL, in Redis, or, while those are unavailable, in the process."""

from typing import Protocol

from keys.limits.decision import Decision, Limits


class StoreAway(Exception):
    """The store could not decide. `lost` says whether the store is unavailable, so that it is not called for other
    requests for a moment."""

    def __init__(self, reason: str, lost: bool = True) -> None:
        super().__init__(reason)
        self.lost = lost


class Store(Protocol):
    """Counters that decide a request in one atomic step: every limit admits and all are charged, or none is."""

    name: str

    def spend(self, limits: Limits, cost: int) -> Decision:
        """Charge `cost` requests to every limit, or refuse and charge nothing; 0 only reads. Raises StoreAway."""
