"""The counters in Redis: one script a request, for keys that are too hot for one row of a database.

Quotas must survive the loss of Redis and a change of the store, so PostgreSQL keeps them as well. A pool has used at
least what PostgreSQL has on record (`known_to_postgresql`), and the background task `quota_writer` brings the record up
to date once a second.
"""

import math
import threading
import time
from hashlib import sha1
from pathlib import Path
from typing import Any, cast
from uuid import UUID

from django.conf import settings
from django.db import Error, connection
from hiredis import pack_command
from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError
from redis.retry import Retry

from keys.limits.decision import Decision, Limits
from keys.limits.stores import StoreAway
from keys.memory import Memory

TIMEOUT_SECONDS = 0.5
PREFIX = "mcp:limits:"
CHANGED = "mcp:quotas-changed"
SCRIPT = (Path(__file__).parent / "spend.lua").read_text()
SCRIPT_SHA = sha1(SCRIPT.encode(), usedforsecurity=False).hexdigest()  # how Redis names it
IDLE_SECONDS = 1.0  # after which a connection may have been closed without anything being wrong
TELL_EVERY_SECONDS = 60.0  # so long a Redis that came back with old counters, unnoticed, may count from those
WRITE_AT_ONCE = 500  # pools

READ_QUOTA = "SELECT day, day_used, month, month_used FROM keys_quota WHERE pool_id = %s"

# A count of the same day or month never falls: whichever worker comes last, the most that was used stands.
WRITE_QUOTA = """
INSERT INTO keys_quota AS row (pool_id, day, day_used, month, month_used) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (pool_id) DO UPDATE SET
    (day, day_used) = (SELECT * FROM (VALUES (row.day, row.day_used), (EXCLUDED.day, EXCLUDED.day_used)) AS known(a, b)
                       ORDER BY a DESC, b DESC LIMIT 1),
    (month, month_used) = (SELECT * FROM (VALUES (row.month, row.month_used), (EXCLUDED.month, EXCLUDED.month_used))
                           AS known(a, b) ORDER BY a DESC, b DESC LIMIT 1)
"""

# Only what was written is removed: a pool that was charged meanwhile stays in the set.
DONE = """
local row = redis.call('HMGET', KEYS[1], 'day', 'day_used', 'month', 'month_used')
for i = 1, 4 do
  if (row[i] or '') ~= ARGV[i + 1] then return end
end
redis.call('SREM', KEYS[2], ARGV[1])
"""


class Sessions(threading.local):
    """A connection of each thread."""

    connection: Any = None  # redis.connection.AbstractConnection, whose methods have no types
    used = 0.0  # on time.monotonic's clock
    failures = 0  # of all threads, when this connection was made


class RedisStore:
    """The counters in Redis, over a connection of each thread, past redis-py's client.

    A charge takes 37 µs of the worker's CPU, and would take 72 through the client and its pool, whose retries must not
    be used: they could charge twice (bench/micro.py).
    """

    name = "redis"

    def __init__(self, url: str) -> None:
        # A command is never tried twice: the first may have been carried out, and would be charged twice.
        timeouts: dict[str, Any] = {"socket_timeout": TIMEOUT_SECONDS, "socket_connect_timeout": TIMEOUT_SECONDS}
        self.client = Redis.from_url(url, retry=Retry(NoBackoff(), 0), **timeouts)
        self.client.connection_pool.max_connections = 2**31  # each thread has one, and those of ended ones count on
        self._sessions = Sessions()
        self._failures = 0
        self._done = self.client.register_script(DONE)
        # The pools whose record in PostgreSQL this process has sent to Redis. Cleared when a connection is lost: Redis
        # may come back with what it knew some time ago.
        self._told: Memory[UUID, bool] = Memory()

    def spend(self, limits: Limits, cost: int) -> Decision:
        try:
            answer = self._ask(limits, cost, tell=limits.counted and not self._told.get(limits.pool_id))
            if not answer:  # Redis has lost them
                answer = self._ask(limits, cost, tell=True)
        except RedisError as error:
            raise StoreAway(str(error)) from error
        except Error as error:  # PostgreSQL's, of what this pool has used: the others can be decided
            raise StoreAway(str(error), lost=False) from error
        admitted, ahead, now, day_used, month_used = answer
        return Decision(limits, cost, admitted == 1, ahead, now, day_used, month_used)

    def _ask(self, limits: Limits, cost: int, tell: bool) -> list[int]:
        pool, rate = limits.pool_id.hex, limits.rate
        daily, monthly = ("" if quota is None else quota for quota in (limits.daily_quota, limits.monthly_quota))
        arguments: tuple[str | int, ...] = (
            PREFIX + pool,
            CHANGED,
            pool,
            cost,
            rate.emission,
            rate.capacity,
            daily,
            monthly,
        )
        if tell:
            arguments += known_to_postgresql(limits.pool_id)
        answer = self._run(arguments)
        if tell:
            self._told.put(limits.pool_id, True, time.monotonic() + TELL_EVERY_SECONDS, settings.KEY_CACHE_SIZE)
        return answer

    def _run(self, arguments: tuple[str | int, ...]) -> list[int]:
        sessions = self._sessions
        connection = sessions.connection
        if connection is None:
            connection = sessions.connection = self.client.connection_pool.make_connection()
        now = time.monotonic()
        idle, sessions.used = now - sessions.used, now
        try:
            # Where one thread has lost Redis the others' connections are gone, too.
            if sessions.failures != self._failures or (idle > IDLE_SECONDS and _has_hung_up(connection)):
                connection.disconnect()
                sessions.failures = self._failures
                self._told.clear()
            try:
                return _evaluate(connection, "EVALSHA", SCRIPT_SHA, arguments)
            except NoScriptError:
                return _evaluate(connection, "EVAL", SCRIPT, arguments)
        except BaseException:  # an answer that was not read must not become the next request's
            connection.disconnect()
            self._failures += 1
            self._told.clear()
            raise

    def answers(self) -> bool:
        """Whether Redis takes writes: a full one answers a ping."""
        try:
            return bool(self.client.set(f"{PREFIX}health", 1, ex=60))
        except RedisError:
            return False

    def write_quotas(self) -> None:
        """Write the usage of each pool that was charged since the last time to PostgreSQL."""
        rounds = math.ceil(self.client.scard(CHANGED) / WRITE_AT_ONCE)
        for _ in range(rounds):
            pools = cast(list[bytes], self.client.srandmember(CHANGED, WRITE_AT_ONCE))
            self._write(sorted(pool.decode() for pool in pools))  # in one order: workers must not wait in a circle

    def _write(self, pools: list[str]) -> None:
        with self.client.pipeline(transaction=False) as pipeline:
            for pool in pools:
                pipeline.hmget(PREFIX + pool, "day", "day_used", "month", "month_used")
            counts = dict(zip(pools, pipeline.execute(), strict=True))
        with connection.cursor() as cursor:
            for pool, count in counts.items():
                if None not in count:
                    cursor.execute(WRITE_QUOTA, [pool, *map(int, count)])
        for pool, count in counts.items():
            self._done(keys=[PREFIX + pool, CHANGED], args=[pool, *("" if field is None else field for field in count)])


def _has_hung_up(connection: Any) -> bool:
    """Whether the connection has something to read although no response is due: then it was closed. redis-py reports
    that by a return value or by an error."""
    try:
        return bool(connection.can_read())
    except RedisError:
        return True


def _evaluate(connection: Any, command: str, script: str, arguments: tuple[str | int, ...]) -> list[int]:
    connection.send_packed_command([pack_command((command, script, 2, *arguments))])  # type: ignore[arg-type]
    answer: list[int] = connection.read_response()
    return answer


def known_to_postgresql(pool_id: UUID) -> tuple[int, ...]:
    """Day, used, month, used; zeros for a pool that was never counted."""
    with connection.cursor() as cursor:
        cursor.execute(READ_QUOTA, [pool_id])
        return cursor.fetchone() or (0, 0, 0, 0)
