"""A limiter's surroundings that a test moves by hand."""

from keys.limits.decision import Decision, Limits
from keys.limits.rate import NANOSECONDS
from keys.limits.stores import StoreAway
from keys.limits.stores.local import LocalStore


class Clock:
    """Stands for the module `time`."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def monotonic(self) -> float:
        return self.seconds

    def monotonic_ns(self) -> int:
        return round(self.seconds * NANOSECONDS)


class FakeStore:
    """A bucket that counts its calls, and can be unavailable."""

    name = "fake"

    def __init__(self) -> None:
        self.asked = 0
        self.away = False
        self._buckets = LocalStore()

    def spend(self, limits: Limits, cost: int) -> Decision:
        self.asked += 1
        if self.away:
            raise StoreAway("nobody answers")
        decision = self._buckets.spend(limits, cost)
        return Decision(limits, cost, decision.admitted, decision.ahead)
