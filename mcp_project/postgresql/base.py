"""Django's PostgreSQL backend, with two things of ours: it starts the embedded server when none is configured,
and it fails fast while the database is away."""

import time
from typing import Any

from django.conf import settings
from django.db.backends.postgresql import base
from django.db.utils import OperationalError
from psycopg_pool import PoolTimeout

from mcp_project.embedded_postgres import EmbeddedPostgres

RETRY_SECONDS = 0.5

_embedded = EmbeddedPostgres(settings.EMBEDDED_POSTGRES_DIR) if settings.EMBEDDED_DATABASE else None


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection of one thread to PostgreSQL, out of psycopg's pool."""

    _away_until = 0.0  # of the whole process, on time.monotonic's clock

    def get_connection_params(self) -> dict[str, Any]:
        if _embedded is not None:
            _embedded.start()
        return super().get_connection_params()

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """A connection from the pool. Raises OperationalError at once when another thread found the database away
        a moment ago: while it is away, one thread waits for it, and the others go on refusing."""
        if time.monotonic() < self._away_until:
            raise OperationalError("the database was unreachable a moment ago")
        try:
            return super().get_new_connection(conn_params)
        except PoolTimeout:
            DatabaseWrapper._away_until = time.monotonic() + RETRY_SECONDS
            # The pool only says that it waited in vain. An attempt of our own says why.
            self.Database.connect(**conn_params).close()
            raise
