"""Which time a report is about.

The ledger is rolled up by whole hours of UTC, so a report begins and ends on one: what is asked for is widened to whole
hours, and the answer says to which. A time zone whose days do not begin on a whole hour of UTC has no exact days here,
and is refused.
"""

import re
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from mcp_project.errors import FieldError, Invalid

LONGEST = timedelta(days=400)  # a year, and a month to compare
DEFAULT = timedelta(days=1)
HOUR = timedelta(hours=1)
UTC_ZONE = ZoneInfo("UTC")
BEYOND = "Before the year 2000 or after 2999, nothing is counted."


class Period(NamedTuple):
    start: datetime  # in UTC, on a whole hour, as `end`
    end: datetime  # not included
    zone: ZoneInfo

    @classmethod
    def of(cls, start: datetime | None, end: datetime | None, zone: ZoneInfo) -> "Period":
        """Widened to whole hours; without an end, until now; without a start, the DEFAULT before the end.

        Raises Invalid for a period that is empty, longer than LONGEST, or beyond the calendar.
        """
        try:
            end = _whole_hour(end or datetime.now(UTC), up=True)
            start = _whole_hour(start) if start else end - DEFAULT
        except OverflowError:
            raise _invalid("to", BEYOND, "invalid") from None
        if start.year < 2000 or end.year >= 3000:
            raise _invalid("to" if end.year >= 3000 else "from", BEYOND, "invalid")
        if start >= end:
            text = "`from` must lie before `to`, which is not included, and is now unless it is given."
            raise _invalid("from", text, "impossible_range")
        if end - start > LONGEST:
            raise _invalid("from", f"A report is about at most {LONGEST.days} days.", "range_too_long")
        return cls(start, end, zone)

    def days(self) -> list[datetime]:
        """When the days of the zone begin that the period touches, in UTC. Raises Invalid."""
        day = self.start.astimezone(self.zone).date()
        days = [begin_of(day, self.zone)]
        while days[-1] < self.end:
            day += timedelta(days=1)
            days.append(begin_of(day, self.zone))
        if any(moment.minute or moment.second for moment in days):
            text = (
                f"Days of {self.zone.key} do not begin on a whole hour of UTC, by which usage is counted: take hours."
            )
            raise _invalid("time_zone", text, "invalid")
        return days[:-1]

    def hours(self) -> list[datetime]:
        return [self.start + number * HOUR for number in range((self.end - self.start) // HOUR)]


def moment(text: str, zone: ZoneInfo | None) -> datetime:
    """A time with its offset, a time of the zone, or a day's begin in it (in UTC where no zone is named). In UTC.

    Raises ValueError, with a sentence.
    """
    text = re.sub(r" (?=\d\d(:?\d\d)?$)", "+", text)  # a `+` in a query reads as a space, unless it is encoded
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
            return begin_of(date.fromisoformat(text), zone or UTC_ZONE)
        if not re.match(r"\d{4}-\d\d-\d\d[T ]\d\d:?\d\d", text):
            raise ValueError
        parsed = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise ValueError("A time such as 2026-01-31T12:00:00Z, or a day such as 2026-01-31.") from None
    if parsed.tzinfo is None:
        if zone is None:
            raise ValueError("Which time zone? Write 2026-01-31T12:00:00Z or +01:00, or name a `time_zone`.")
        parsed = parsed.replace(tzinfo=zone)
    try:
        return parsed.astimezone(UTC)
    except OverflowError:
        raise ValueError(BEYOND) from None


def begin_of(day: date, zone: ZoneInfo) -> datetime:
    """When the day begins, in UTC: not always at midnight, which some zones skip when their clocks are set."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def _whole_hour(time: datetime, up: bool = False) -> datetime:
    floor = time.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return floor + HOUR if up and floor < time else floor


def _invalid(field: str, text: str, code: str) -> Invalid:
    return Invalid(FieldError(field, text, code))
