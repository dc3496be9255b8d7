"""Days and months in UTC, as quotas count them."""

import calendar
from datetime import UTC, datetime

from keys.limits.rate import NANOSECONDS

DAY_SECONDS = 86400
MICROSECONDS = 1_000_000


def day_of(now: int) -> int:
    """Days since 1970. `now`, here and below: microseconds since 1970."""
    return now // (DAY_SECONDS * MICROSECONDS)


def month_of(now: int) -> int:
    """Months since the year 0: of January 2026, 24312."""
    moment = datetime.fromtimestamp(now // MICROSECONDS, UTC)
    return moment.year * 12 + moment.month - 1


def month_seconds(now: int) -> int:
    """The length of the month."""
    moment = datetime.fromtimestamp(now // MICROSECONDS, UTC)
    return calendar.monthrange(moment.year, moment.month)[1] * DAY_SECONDS


def until_next_day(now: int) -> int:
    """Nanoseconds."""
    day = DAY_SECONDS * MICROSECONDS
    return (day - now % day) * (NANOSECONDS // MICROSECONDS)


def until_next_month(now: int) -> int:
    """Nanoseconds."""
    moment = datetime.fromtimestamp(now // MICROSECONDS, UTC)
    days_left = calendar.monthrange(moment.year, moment.month)[1] - moment.day
    return until_next_day(now) + days_left * DAY_SECONDS * NANOSECONDS
