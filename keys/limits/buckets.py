"""Token buckets in PostgreSQL, by the Generic Cell Rate Algorithm.

A bucket is one timestamp, the "theoretical arrival time" at which it would be full again (ITU-T I.371, annex A; the
virtual scheduling form). A request at time `now` moves it one interval on, and is admitted if it then lies no more
than a whole bucket ahead of `now`. A refused request moves nothing.

All times are whole nanoseconds on the database's clock, so that a bucket of 100 admits 100 and never 101.
"""

from dataclasses import dataclass
from uuid import UUID

from django.db import connection

from keys.limits.rate import NANOSECONDS, Rate

# One statement, so that the row's lock decides every race. It writes when it refuses, too: that is how it can return
# the bucket as it stands, under the lock. `clock` is read before the lock is waited for, so it may be early, which
# can only refuse, never admit, what a later clock would decide otherwise.
SPEND = """
INSERT INTO keys_bucket AS bucket (key_id, full_at, seen_at, admitted)
SELECT %(key)s, clock.now + %(interval)s, clock.now, true
FROM (SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint * 1000 AS now) AS clock
ON CONFLICT (key_id) DO UPDATE SET (admitted, full_at, seen_at) = (
    SELECT fits, CASE WHEN fits THEN start + %(interval)s ELSE start END, EXCLUDED.seen_at
    FROM (
        SELECT start, start + %(interval)s <= EXCLUDED.seen_at + %(capacity)s AS fits
        -- Never before now: a full bucket gets no fuller. Never more than a bucket ahead: a rate may have been raised.
        FROM (
            SELECT least(greatest(bucket.full_at, EXCLUDED.seen_at), EXCLUDED.seen_at + %(capacity)s) AS start
        ) AS level
    ) AS verdict
)
RETURNING full_at, seen_at, admitted
"""


PEEK = """
SELECT coalesce(max(full_at), 0), max((extract(epoch FROM clock_timestamp()) * 1000000)::bigint * 1000)
FROM (SELECT 1) AS one LEFT JOIN keys_bucket ON key_id = %(key)s
"""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a limit says to one request."""

    admitted: bool
    limit: int
    remaining: int  # requests that would be admitted at once after this one
    reset: int  # seconds, rounded up, until the bucket is full
    retry_after: int  # seconds, rounded up, after which one request is admitted; 0 when one would be now


def spend(key_id: UUID, rate: Rate) -> Decision:
    """Take one request out of the key's bucket, or refuse it. One query. Raises OperationalError when the database
    cannot be reached."""
    interval = rate.interval_ns
    capacity = interval * rate.limit
    with connection.cursor() as cursor:
        cursor.execute(SPEND, {"key": key_id, "interval": interval, "capacity": capacity})
        full_at, seen_at, admitted = cursor.fetchone()
    return decision(admitted, rate, ahead=max(0, full_at - seen_at))


def peek(key_id: UUID, rate: Rate) -> Decision:
    """What `spend` would decide, taking nothing."""
    with connection.cursor() as cursor:
        cursor.execute(PEEK, {"key": key_id})
        full_at, now = cursor.fetchone()
    capacity = rate.interval_ns * rate.limit
    ahead = min(max(0, full_at - now), capacity)
    return decision(ahead + rate.interval_ns <= capacity, rate, ahead)


def decision(admitted: bool, rate: Rate, ahead: int) -> Decision:
    """`ahead` is how long the bucket takes to be full again, in nanoseconds."""
    interval = rate.interval_ns
    room = interval * rate.limit - ahead
    return Decision(
        admitted=admitted,
        limit=rate.limit,
        remaining=max(0, room // interval),
        reset=_seconds_up(ahead),
        retry_after=_seconds_up(interval - room),
    )


def _seconds_up(nanoseconds: int) -> int:
    return max(0, -(-nanoseconds // NANOSECONDS))
