"""The limits of a key, and the limiter's decision about one request."""

from typing import NamedTuple
from uuid import UUID

from keys.limits.periods import day_of, month_of, until_next_day, until_next_month
from keys.limits.rate import NANOSECONDS, Rate


class Limits(NamedTuple):
    """All that bounds the keys of one pool."""

    pool_id: UUID
    rate: Rate
    daily_quota: int | None = None
    monthly_quota: int | None = None
    on_outage: str = ""  # closed, open or local; "" for THROTTLE_ON_OUTAGE

    @property
    def counted(self) -> bool:
        """Whether requests of the day and the month are counted: only pools with a quota count them."""
        return self.daily_quota is not None or self.monthly_quota is not None


class Standing(NamedTuple):
    """The state of one limit."""

    name: str  # the key's field: rate_limit, daily_quota or monthly_quota
    limit: int
    remaining: int  # requests that it would admit at once
    reset: int  # nanoseconds until it is whole again
    wait: int | None  # nanoseconds until it admits the request; 0 for now, None for never


class Decision(NamedTuple):
    """The limiter's decision about one request, and the levels after it. With `cost` 0, which charges nothing,
    `admitted` is the decision about a request of cost 1."""

    limits: Limits
    cost: int
    admitted: bool
    ahead: int = 0  # nanoseconds until the bucket is full
    now: int = 0  # microseconds since 1970, on the store's clock
    day_used: int = 0
    month_used: int = 0
    outage: str = ""  # the mode in force while the store is unavailable: the levels are then this process's, or unknown

    @property
    def standings(self) -> list[Standing]:
        """The state of each limit. Empty while the store is unavailable."""
        if self.outage in ("open", "closed"):
            return []
        cost = max(self.cost, 1)
        standings = [self._bucket(cost)]
        for name, quota, used, reset in (
            ("daily_quota", self.limits.daily_quota, self.day_used, until_next_day),
            ("monthly_quota", self.limits.monthly_quota, self.month_used, until_next_month),
        ):
            if quota is not None:
                standings.append(_quota(name, quota, used, reset(self.now), cost))
        return standings

    def _bucket(self, cost: int) -> Standing:
        rate = self.limits.rate
        room = rate.capacity - self.ahead
        short = max(0, cost * rate.emission - room)
        wait = short if cost <= rate.limit else None
        return Standing("rate_limit", rate.limit, max(0, room // rate.emission), self.ahead, wait)

    @property
    def refused_by(self) -> Standing:
        """The limit that refuses the request for the longest time."""
        return max(self.standings, key=_longest)

    @property
    def tightest(self) -> Standing:
        """The limit that refuses, else the one that will first."""
        standings = self.standings
        if len(standings) > 1:
            return min(standings, key=lambda limit: limit.remaining) if self.admitted else self.refused_by
        return standings[0]

    def for_one(self) -> "Decision":
        """The same levels, with the decision about the smallest request."""
        return self._replace(cost=1)

    def later(self, nanoseconds: int, cost: int) -> "Decision":
        """The decision that the store would make about a request of `cost` after this many nanoseconds in which it
        admitted no request."""
        ahead, now = max(0, self.ahead - nanoseconds), self.now + nanoseconds // 1000
        day_used = self.day_used if day_of(now) == day_of(self.now) else 0
        month_used = self.month_used if month_of(now) == month_of(self.now) else 0
        return self._replace(cost=cost, ahead=ahead, now=now, day_used=day_used, month_used=month_used)


def whole_seconds(nanoseconds: int) -> int:
    """The nanoseconds as whole seconds, rounded up, so that a client that waits as long is admitted."""
    return -(-nanoseconds // NANOSECONDS)


def _quota(name: str, quota: int, used: int, reset: int, cost: int) -> Standing:
    remaining = max(0, quota - used)
    wait = 0 if cost <= remaining else reset if cost <= quota else None
    return Standing(name, quota, remaining, reset, wait)


def _longest(standing: Standing) -> float:
    return float("inf") if standing.wait is None else standing.wait
