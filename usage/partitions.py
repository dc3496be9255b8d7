"""The ledger's partitions: one a day, in UTC.

By the day, and not by the month: retention is given in days and holds to the day, with the addresses of clients in the
rows; a day is small enough to be dropped at once, and the one that is written to has its indexes in memory. There are
as many as days are kept; what reads events names a time, and the others are not looked at.
"""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

import structlog
from django.conf import settings
from django.db import connection, transaction

from mcp_project.database.initialise import without_time_limit
from mcp_project.serving.periodic import Periodic
from usage.models import DrainedJournal

log = structlog.get_logger()

DAYS_AHEAD = 7
LOCK = 6_227_020_801  # an arbitrary number: who holds it may make and drop partitions
PATIENCE = "2s"  # for locks of the whole ledger: while they are waited for, nothing can be drained

EXISTING = "SELECT relname FROM pg_inherits JOIN pg_class ON oid = inhrelid WHERE inhparent = 'usage_event'::regclass"
# Made apart and attached: CREATE TABLE … PARTITION OF would lock the ledger against readers and writers.
CREATE = """
CREATE TABLE IF NOT EXISTS {name} (LIKE usage_event INCLUDING DEFAULTS INCLUDING CONSTRAINTS);
ALTER TABLE usage_event ATTACH PARTITION {name} FOR VALUES FROM ('{day} 00:00+00') TO ('{next_day} 00:00+00');
"""
# The ledger itself is locked last, and but for a moment; before that, what the drain locks, in its order.
EXPIRE = """
LOCK TABLE {name} IN SHARE MODE;
UPDATE usage_drainedjournal SET expired = expired + rows.count
FROM (SELECT journal, count(*) FROM {name} GROUP BY journal) AS rows WHERE id = rows.journal;
INSERT INTO usage_expiry AS known (id, before) VALUES (1, '{next_day}')
ON CONFLICT (id) DO UPDATE SET before = greatest(known.before, excluded.before);
LOCK TABLE ONLY usage_event IN ACCESS EXCLUSIVE MODE;
DROP TABLE {name};
"""


def existing() -> list[date]:
    with connection.cursor() as cursor:
        cursor.execute(EXISTING)
        found = (re.fullmatch(r"usage_event_(\d{8})", name) for (name,) in cursor.fetchall())
        return sorted(datetime.strptime(match[1], "%Y%m%d").replace(tzinfo=UTC).date() for match in found if match)


def create(days: Iterable[date]) -> list[date]:
    """Make the partitions of these days; those that were missing."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        missing = sorted(set(days) - set(existing()))
        for day in missing:
            cursor.execute(_of(day, CREATE))
    return missing


def drop_before(first: date) -> list[date]:
    """Drop the partitions of days before `first`; those that there were. Their roll-ups stay, and each journal's row
    says how many of its events are gone."""
    dropped = [day for day in existing() if day < first and _drop(day)]
    DrainedJournal.objects.gone().delete()
    return dropped


def _drop(day: date) -> bool:
    """Whether it was there: another process may have dropped it since."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, true), pg_advisory_xact_lock(%s)", [PATIENCE, LOCK])
        if day not in existing():
            return False
        with without_time_limit():  # it counts the rows of a day
            cursor.execute(_of(day, EXPIRE))
    return True


def database_day() -> date:
    """Of the database's clock, which all hosts share: one that is ahead must not drop what the others keep."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT (now() AT TIME ZONE 'UTC')::date")
        today: date = cursor.fetchone()[0]
    return today


def maintain(today: date) -> tuple[list[date], list[date]]:
    """The days of which partitions were made, ahead of need, and of which they were dropped, by retention."""
    made = create(today + timedelta(days=number) for number in range(DAYS_AHEAD + 1))
    kept = settings.USAGE_RETENTION_DAYS
    return made, drop_before(today - timedelta(days=kept)) if kept else []


def _of(day: date, statements: str) -> str:
    return statements.format(name=f"usage_event_{day:%Y%m%d}", day=day, next_day=day + timedelta(days=1))


class Maintainer(Periodic):
    """Looks after the partitions in each worker: the first that finds a new day has the work of it, the others find
    it done."""

    name = "usage_maintain"
    seconds = 900.0
    first_after = 1.0

    def act(self, last: bool) -> None:
        if last:
            return
        made, dropped = maintain(database_day())
        if made or dropped:
            log.info("usage_maintained", partitions_made=len(made), partitions_dropped=len(dropped))


maintainer = Maintainer()
