"""Django's PostgreSQL backend with four additions.

It starts the embedded server when none is configured, gives up waiting for a server that hangs, fails fast while the
database is unavailable, and lets a statement take the place of the pool's check of a connection.
"""

import threading
import time
from collections.abc import Callable
from typing import Any, cast

from django.conf import settings
from django.db.backends.postgresql import base
from django.db.utils import OperationalError
from psycopg import Connection
from psycopg import OperationalError as DriverOperationalError
from psycopg.abc import RV, PQGen
from psycopg.errors import _WaitTimeout as WaitTimeout
from psycopg_pool import ConnectionPool, PoolTimeout

from mcp_project.database.embedded_postgres import EmbeddedPostgres

POLL_SECONDS = 0.1  # psycopg's own interval, at which a wait looks for signals
DRAIN_SECONDS = 1.0

_embedded = EmbeddedPostgres(settings.EMBEDDED_POSTGRES_DIR) if settings.EMBEDDED_DATABASE else None


class TimedConnection(Connection[Any]):
    """A connection whose server must answer within DATABASE_LONGEST_ANSWER. PostgreSQL's own time limits end what takes
    too long, but a server that is frozen, or whose host has gone without a word, ends nothing."""

    longest_answer: float | None = settings.DATABASE_LONGEST_ANSWER  # seconds

    def wait(self, gen: PQGen[RV], interval: float = POLL_SECONDS, timeout: float | None = None) -> RV:
        """Raises OperationalError when there was no answer, and closes the connection: the answer may come yet."""
        try:
            return super().wait(gen, interval, self.longest_answer if timeout is None else timeout)
        except WaitTimeout:
            self.pgconn.finish()
            DatabaseWrapper._away = True
            raise DriverOperationalError("the database has not answered in time") from None


class Check(threading.local):
    """The pool's check of a connection that it is about to give to this thread. If it raises, the pool discards the
    connection and tries the next.

    The limiter's charge takes its place, which saves each governed request a round trip of 50 to 75 µs of CPU
    (bench/micro.py).
    """

    act: Callable[[Connection], Any] | None = None
    result: Any = None
    error: Exception | None = None  # of an act that failed on a connection that is well

    def __call__(self, session: Connection) -> None:
        self.error = None
        try:
            if self.act is None:
                ConnectionPool.check_connection(session)
            else:
                self.result = self.act(session)
        except Exception as error:
            if not session.broken and self.act is not None:
                self.error = error
                return
            # The others will be dead, too, and the pool would wait longer and longer before it tries the next.
            cast(ConnectionPool, session._pool).drain()
            raise


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection of one thread to PostgreSQL, out of psycopg's pool."""

    _away = False  # this and the next three belong to the whole process
    _next_drain = 0.0  # on time.monotonic's clock
    _trying = threading.Lock()
    _check = Check()
    _connection_pools: dict[str, ConnectionPool[Any]]  # Django's

    @property
    def pool(self) -> Any:
        pool = self._connection_pools.get(self.alias)
        if pool is not None and pool.connection_class is TimedConnection:
            return pool  # early, because a request reads this seven times
        pool = super().pool
        if pool is not None:
            pool._check = self._check  # Django gives the pool psycopg's own
            pool.connection_class = TimedConnection  # last: it says above that the pool is ready
        return pool

    def act_at_once(self, act: Callable[[Connection], Any]) -> Any:
        """The result of `act` on this thread's connection. If the thread has no connection yet, `act` takes the place
        of the pool's check, which saves a round trip: `act` also shows whether the connection is alive. If it is dead,
        `act` runs again on another one, so it must be safe to run twice.

        Raises Django's errors: those of `act`, and OperationalError if no connection can be had.
        """
        check = self._check
        with self.wrap_database_errors:
            if self.connection is not None:
                return act(self.connection)
            check.act = act
            try:
                self.ensure_connection()
                if check.error is not None:
                    raise check.error
                return check.result
            finally:
                check.act = check.result = check.error = None

    def is_usable(self) -> bool:
        """Whether the connection still works; Django calls this after an error. After a failover a server that has
        become read-only may have been replaced by another one, so its connections are closed when they are returned, at
        most once a second, and new ones are made."""
        if not super().is_usable():
            return False
        now = time.monotonic()
        if now > self._next_drain and self.pool is not None and is_read_only(self.connection):
            DatabaseWrapper._next_drain = now + DRAIN_SECONDS
            self.pool.drain()
            return False
        return True

    def get_connection_params(self) -> dict[str, Any]:
        if _embedded is not None:
            _embedded.start()
        return super().get_connection_params()

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """A connection from the pool. Once the database was found to be unavailable, one thread at a time tries to
        reach it; for the others this raises OperationalError at once."""
        if not self._away:
            return self._from_pool(conn_params)
        if not self._trying.acquire(blocking=False):
            raise OperationalError("the database was unreachable a moment ago")
        try:
            self._probe(conn_params)
            return self._from_pool(conn_params)
        finally:
            self._trying.release()

    def _probe(self, conn_params: dict[str, Any]) -> None:
        """Connect past the pool, which says of a server that refuses only that it has waited in vain, after waiting."""
        try:
            self.Database.connect(**conn_params).close()
        except self.Database.OperationalError:
            if _embedded is not None:
                _embedded.revive()
            raise

    def _require_reachable(self, conn_params: dict[str, Any]) -> None:
        """Raises OperationalError with the reason, and fails fast from then on, if the database cannot be reached."""
        try:
            self._probe(conn_params)
        except self.Database.OperationalError:
            DatabaseWrapper._away = True
            raise

    def _from_pool(self, conn_params: dict[str, Any]) -> Any:
        try:
            connection = super().get_new_connection(conn_params)
        except PoolTimeout:
            if not self._away:
                self._require_reachable(conn_params)
            raise  # the server is there: all connections of the pool are in use
        DatabaseWrapper._away = False
        return connection


def is_read_only(session: Connection[Any]) -> bool:
    """Whether the server takes no writes: it is a standby, or `default_transaction_read_only` is on."""
    row = session.execute("SHOW transaction_read_only").fetchone()
    return row is not None and row[0] == "on"
