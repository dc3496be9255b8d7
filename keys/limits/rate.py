"""The form in which rates are written: `N/period`, such as `10/s`, `600/m`, `5000/h`, `100000/d`, `600/5m`."""

import re
from dataclasses import dataclass
from typing import Self

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
FORM = re.compile(r"([0-9]{1,12})/([0-9]{0,6})([smhd])", re.ASCII)
MAX_LIMIT = 1_000_000_000
MAX_PERIOD = 366 * 86400
NANOSECONDS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Rate:
    """A token bucket of `limit` requests, refilled evenly over `period` seconds."""

    limit: int
    period: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValueError, with a sentence for whoever wrote it, for anything that is not a rate."""
        match = FORM.fullmatch(text)
        if match is None:
            raise ValueError(f"A rate reads N/period, such as 10/s, 600/m or 600/5m; not {text!r}.")
        number, multiple, unit = match.groups()
        limit, period = int(number), int(multiple or 1) * SECONDS[unit]
        if not 1 <= limit <= MAX_LIMIT:
            raise ValueError(f"A rate admits from 1 to {MAX_LIMIT} requests; not {limit}.")
        if not 1 <= period <= MAX_PERIOD:
            raise ValueError("A rate's period is from one second to 366 days.")
        return cls(limit, period)

    @property
    def interval_ns(self) -> int:
        """Nanoseconds in which one request is refilled: GCRA's emission interval, rounded down."""
        return self.period * NANOSECONDS // self.limit
