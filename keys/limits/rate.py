"""The form in which rates are written: `N/period`, such as `10/s`, `600/m`, `5000/h`, `100000/d`, `600/5m`."""

import re
from typing import NamedTuple, Self

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
FORM = re.compile(r"([0-9]{1,12})/([0-9]{0,12})([smhd])", re.ASCII)
MAX_LIMIT = 1_000_000_000
MAX_PERIOD = 90 * 86400  # seconds: in nanoseconds this is below 2^53, which Lua's numbers hold exactly
MAX_PER_SECOND = 1_000_000  # so that rounding `emission` to a nanosecond is at most a thousandth of it
NANOSECONDS = 1_000_000_000


class Rate(NamedTuple):
    """A token bucket of `limit` requests, refilled evenly over `period` seconds."""

    limit: int
    period: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse a rate. Raises ValueError, with a sentence for the user, for any other text."""
        match = FORM.fullmatch(text)
        if match is None:
            raise ValueError(f"A rate reads N/period, such as 10/s, 600/m or 600/5m; not {text!r}.")
        number, multiple, unit = match.groups()
        limit, period = int(number), int(multiple or 1) * SECONDS[unit]
        if not 1 <= limit <= MAX_LIMIT:
            raise ValueError(f"A rate admits from 1 to {MAX_LIMIT} requests; not {limit}.")
        if not 1 <= period <= MAX_PERIOD:
            raise ValueError("A rate's period is from one second to 90 days.")
        if limit > MAX_PER_SECOND * period:
            raise ValueError(f"A rate admits at most {MAX_PER_SECOND} requests a second.")
        return cls(limit, period)

    @property
    def emission(self) -> int:
        """Nanoseconds in which one request is refilled: GCRA's emission interval, rounded down."""
        return self.period * NANOSECONDS // self.limit

    @property
    def capacity(self) -> int:
        """Nanoseconds that an empty bucket takes to be full."""
        return self.emission * self.limit

    def share(self, parts: int) -> "Rate":
        """One of `parts` equal parts, of at least one request: together they refill no faster than the whole."""
        if self.limit >= parts:
            return Rate(self.limit // parts, self.period)
        return Rate(1, -(-self.period * parts // self.limit))
