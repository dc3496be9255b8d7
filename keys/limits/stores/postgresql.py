"""The counters in PostgreSQL: an unlogged table of buckets, a logged one of quotas, and one statement a request."""

from typing import Any, cast

from django.conf import settings
from django.db import Error, connection
from psycopg import Connection
from psycopg.errors import (
    DeadlockDetected,
    InvalidSqlStatementName,
    LockNotAvailable,
    QueryCanceled,
    SerializationFailure,
    error_from_result,
)
from psycopg.generators import execute
from psycopg.pq import ExecStatus, TransactionStatus
from psycopg_pool import PoolTimeout

from keys.limits.decision import Decision, Limits
from keys.limits.stores import StoreAway
from mcp_project.database.postgresql.base import DatabaseWrapper

# A function of the database (keys/sql/spend.sql), so that one statement decides under the rows' locks and on the
# database's clock. Returns one text, such as (t,100000,1769860800000000,0,0).
SPEND = b"SELECT keys_spend($1::uuid, $2::bigint, $3::bigint, $4::bigint, $5::bigint, $6::bigint)"
STATEMENT = b"keys_spend"
SWEEP = """
DELETE FROM keys_bucket WHERE pool_id IN (
    SELECT pool_id FROM keys_bucket WHERE full_at < extract(epoch FROM clock_timestamp()) * 1000000000
    FOR UPDATE SKIP LOCKED
)
"""
# Errors of one request: the counters can be reached, and other requests decided.
OF_THIS_REQUEST = (
    DeadlockDetected, InvalidSqlStatementName, LockNotAvailable, PoolTimeout, QueryCanceled, SerializationFailure,
)  # fmt: skip


class PostgreSQLStore:
    """The counters in PostgreSQL, through libpq itself.

    A charge takes 55 µs of the worker's CPU, and would take 100 through psycopg's cursor and 117 through Django's
    (bench/micro.py).
    """

    name = "postgresql"

    def spend(self, limits: Limits, cost: int) -> Decision:
        rate, daily, monthly = limits.rate, limits.daily_quota, limits.monthly_quota
        parameters = [
            limits.pool_id.hex.encode(),
            b"%d" % cost,
            b"%d" % rate.emission,
            b"%d" % rate.capacity,
            None if daily is None else b"%d" % daily,
            None if monthly is None else b"%d" % monthly,
        ]
        try:
            # Not idempotent. If the connection dies after the charge, the retry charges again: one request too many is
            # charged, never one too few.
            answer = cast(DatabaseWrapper, connection).act_at_once(lambda session: _execute(session, parameters))
        except Error as error:
            raise StoreAway(str(error), lost=not isinstance(error.__cause__, OF_THIS_REQUEST)) from error
        admitted, ahead, now, day_used, month_used = answer[1:-1].split(b",")
        return Decision(limits, cost, admitted == b"t", int(ahead), int(now), int(day_used), int(month_used))


def sweep() -> None:
    """Delete the buckets that are full, which absent ones are, too."""
    with connection.cursor() as cursor:
        cursor.execute(SWEEP)


def _execute(session: Connection[Any], parameters: list[bytes | None]) -> bytes:
    """Raises psycopg's errors."""
    server = session.pgconn
    if settings.PGBOUNCER:
        server.send_query_params(SPEND, parameters)
        return _answer(session)
    if not getattr(session, "knows_spend", False):
        server.send_prepare(STATEMENT, SPEND)
        session.knows_spend = session.wait(execute(server))[-1].status == ExecStatus.COMMAND_OK  # type: ignore[attr-defined]
    server.send_query_prepared(STATEMENT, parameters)
    try:
        return _answer(session)
    except InvalidSqlStatementName:  # behind a pooler, each transaction may have another connection
        session.knows_spend = False  # type: ignore[attr-defined]
        if server.transaction_status != TransactionStatus.IDLE:
            raise
        server.send_query_params(SPEND, parameters)
        return _answer(session)


def _answer(session: Connection[Any]) -> bytes:
    result = session.wait(execute(session.pgconn))[-1]
    if result.status != ExecStatus.TUPLES_OK:
        raise error_from_result(result)
    return result.get_value(0, 0) or b""
