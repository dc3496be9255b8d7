"""The period of a report.

The ledger is rolled up by whole hours of UTC. A requested period is therefore widened to whole hours, and the response
names those. Days of a time zone that do not begin on a whole hour of UTC cannot be reported and are refused.
"""

import re
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from mcp_project.errors import FieldError, Invalid

LONGEST = timedelta(days=400)  # a year, and a month to compare with
DEFAULT = timedelta(days=1)
HOUR = timedelta(hours=1)
UTC_ZONE = ZoneInfo("UTC")
OUT_OF_RANGE = "Usage is recorded for the years 2000 to 2999 only."


class Period(NamedTuple):
    """The time from `start` to `end`, both in UTC and on a whole hour. The report's days are days of `zone`."""

    start: datetime
    end: datetime  # not included
    zone: ZoneInfo

    @classmethod
    def of(cls, start: datetime | None, end: datetime | None, zone: ZoneInfo) -> "Period":
        """Return the period widened to whole hours. It ends now by default, and begins DEFAULT before its end.

        Raises Invalid for a period that is empty, longer than LONGEST, or outside the years 2000 to 2999.
        """
        try:
            end = _whole_hour(end or datetime.now(UTC), up=True)
            start = _whole_hour(start) if start else end - DEFAULT
        except OverflowError:
            raise _invalid("to", OUT_OF_RANGE, "invalid") from None
        if start.year < 2000 or end.year >= 3000:
            raise _invalid("to" if end.year >= 3000 else "from", OUT_OF_RANGE, "invalid")
        if start >= end:
            text = "`from` must be before `to`, which is not included and is now by default."
            raise _invalid("from", text, "impossible_range")
        if end - start > LONGEST:
            raise _invalid("from", f"A report covers at most {LONGEST.days} days.", "range_too_long")
        return cls(start, end, zone)

    def days(self) -> list[datetime]:
        """Return the beginnings, in UTC, of the zone's days that the period overlaps.

        Raises Invalid for a zone whose days do not begin on a whole hour of UTC.
        """
        day = self.start.astimezone(self.zone).date()
        days = [begin_of(day, self.zone)]
        while days[-1] < self.end:
            day += timedelta(days=1)
            days.append(begin_of(day, self.zone))
        if any(moment.minute or moment.second for moment in days):
            text = (
                f"Usage is counted by hours of UTC, and days of {self.zone.key} do not begin on one. Group by `hour`."
            )
            raise _invalid("time_zone", text, "invalid")
        return days[:-1]

    def hours(self) -> list[datetime]:
        return [self.start + number * HOUR for number in range((self.end - self.start) // HOUR)]


def moment(text: str, zone: ZoneInfo | None) -> datetime:
    """Parse a time with its offset, a time in the zone, or a day, which is its beginning in the zone (default: UTC).

    Returns the time in UTC. Raises ValueError with a sentence for the client.
    """
    text = re.sub(r" (?=\d\d(:?\d\d)?$)", "+", text)  # an unencoded `+` in a query is decoded as a space
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
            return begin_of(date.fromisoformat(text), zone or UTC_ZONE)
        if not re.match(r"\d{4}-\d\d-\d\d[T ]\d\d:?\d\d", text):
            raise ValueError
        parsed = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise ValueError("Write a time such as 2026-01-31T12:00:00Z, or a day such as 2026-01-31.") from None
    if parsed.tzinfo is None:
        if zone is None:
            raise ValueError("The time has no offset: write 2026-01-31T12:00:00Z or +01:00, or name a `time_zone`.")
        parsed = parsed.replace(tzinfo=zone)
    try:
        return parsed.astimezone(UTC)
    except OverflowError:
        raise ValueError(OUT_OF_RANGE) from None


def begin_of(day: date, zone: ZoneInfo) -> datetime:
    """Return the beginning of the day in UTC. Some zones skip midnight when clocks are set; then it is later."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def _whole_hour(time: datetime, up: bool = False) -> datetime:
    floor = time.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return floor + HOUR if up and floor < time else floor


def _invalid(field: str, text: str, code: str) -> Invalid:
    return Invalid(FieldError(field, text, code))
