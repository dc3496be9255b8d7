"""The ledger's partitions: one for each day in UTC.

Retention is given in days, and events hold the addresses of clients, so they must go on the day that is promised. A
day is small enough to be dropped in one step, and the indexes of the current day fit into memory. Queries for events
name a time, so that PostgreSQL skips the other partitions.
"""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

import structlog
from django.conf import settings
from django.db import connection, transaction

from mcp_project.database.initialise import without_time_limit
from mcp_project.database.locks import Lock, hold
from mcp_project.serving.periodic import Periodic
from usage.models import DrainedJournal

log = structlog.get_logger()

DAYS_AHEAD = 7
LOCK_TIMEOUT = "2s"  # for locks of the whole ledger: nothing can be drained while one of them is waited for

EXISTING = "SELECT relname FROM pg_inherits JOIN pg_class ON oid = inhrelid WHERE inhparent = 'usage_event'::regclass"
# Created first and then attached: CREATE TABLE … PARTITION OF would lock the ledger against readers and writers.
CREATE = """
CREATE TABLE IF NOT EXISTS {name} (LIKE usage_event INCLUDING DEFAULTS INCLUDING CONSTRAINTS);
ALTER TABLE usage_event ATTACH PARTITION {name} FOR VALUES FROM ('{day} 00:00+00') TO ('{next_day} 00:00+00');
"""
# The ledger itself is locked last and briefly; before that the rows that the drain locks, in the same order as there.
EXPIRE = """
LOCK TABLE {name} IN SHARE MODE;
UPDATE usage_drainedjournal SET expired = expired + rows.count
FROM (SELECT journal, count(*) FROM {name} GROUP BY journal) AS rows WHERE id = rows.journal;
INSERT INTO usage_expiry AS stored (id, before) VALUES (1, '{next_day}')
ON CONFLICT (id) DO UPDATE SET before = greatest(stored.before, excluded.before);
LOCK TABLE ONLY usage_event IN ACCESS EXCLUSIVE MODE;
DROP TABLE {name};
"""


def existing() -> list[date]:
    """Return the days that have a partition, in their order."""
    with connection.cursor() as cursor:
        cursor.execute(EXISTING)
        matches = (re.fullmatch(r"usage_event_(\d{8})", name) for (name,) in cursor.fetchall())
        return sorted(datetime.strptime(match[1], "%Y%m%d").replace(tzinfo=UTC).date() for match in matches if match)


def create(days: Iterable[date]) -> list[date]:
    """Create the partitions of these days and return the days that had none."""
    with transaction.atomic(), connection.cursor() as cursor:
        hold(Lock.PARTITIONS)
        missing = sorted(set(days) - set(existing()))
        for day in missing:
            cursor.execute(_for_day(day, CREATE))
    return missing


def drop_before(first: date) -> list[date]:
    """Drop the partitions of days before `first` and return those days.

    The roll-ups stay. DrainedJournal.expired counts the events that were dropped with each partition.
    """
    dropped = [day for day in existing() if day < first and _drop(day)]
    DrainedJournal.objects.fully_expired().delete()
    return dropped


def _drop(day: date) -> bool:
    """Drop the day's partition. Return False if another process has dropped it since."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, true)", [LOCK_TIMEOUT])
        hold(Lock.PARTITIONS)
        if day not in existing():
            return False
        with without_time_limit():  # EXPIRE counts the rows of a whole day
            cursor.execute(_for_day(day, EXPIRE))
    return True


def database_day() -> date:
    """Return today's date in UTC by the database's clock.

    All hosts share that clock. A host whose own clock is ahead would drop partitions too early.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT (now() AT TIME ZONE 'UTC')::date")
        today: date = cursor.fetchone()[0]
    return today


def maintain(today: date) -> tuple[list[date], list[date]]:
    """Create the partitions of the next days and drop those past retention. Return the days of both."""
    created = create(today + timedelta(days=number) for number in range(DAYS_AHEAD + 1))
    retention = settings.USAGE_RETENTION_DAYS
    return created, drop_before(today - timedelta(days=retention)) if retention else []


def _for_day(day: date, statements: str) -> str:
    return statements.format(name=f"usage_event_{day:%Y%m%d}", day=day, next_day=day + timedelta(days=1))


class Maintainer(Periodic):
    """The background task of each worker that maintains the partitions. On a new day the first one does the work."""

    name = "usage_maintain"
    seconds = 900.0
    first_after = 1.0

    def act(self, last: bool) -> None:
        if last:
            return
        created, dropped = maintain(database_day())
        if created or dropped:
            log.info("usage_maintained", partitions_made=len(created), partitions_dropped=len(dropped))


maintainer = Maintainer()
