"""Django's PostgreSQL backend, with two things of ours: it starts the embedded server when none is configured,
and it fails fast while the database is away."""

import threading
from typing import Any

from django.conf import settings
from django.db.backends.postgresql import base
from django.db.utils import OperationalError
from psycopg_pool import PoolTimeout

from mcp_project.embedded_postgres import EmbeddedPostgres

_embedded = EmbeddedPostgres(settings.EMBEDDED_POSTGRES_DIR) if settings.EMBEDDED_DATABASE else None


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection of one thread to PostgreSQL, out of psycopg's pool."""

    _away = False  # both of the whole process
    _trying = threading.Lock()

    def get_connection_params(self) -> dict[str, Any]:
        if _embedded is not None:
            _embedded.start()
        return super().get_connection_params()

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """A connection from the pool. Once it is known that the database is away, one thread at a time waits to see
        whether it is back; for the others this raises OperationalError at once."""
        if not self._away:
            return self._from_pool(conn_params)
        if not self._trying.acquire(blocking=False):
            raise OperationalError("the database was unreachable a moment ago")
        try:
            return self._from_pool(conn_params)
        finally:
            self._trying.release()

    def _from_pool(self, conn_params: dict[str, Any]) -> Any:
        try:
            connection = super().get_new_connection(conn_params)
        except PoolTimeout:
            if _embedded is not None:
                _embedded.revive()
            if not self._away:
                DatabaseWrapper._away = True
                # The pool only says that it waited in vain. An attempt of our own says why.
                self.Database.connect(**conn_params).close()
            raise
        DatabaseWrapper._away = False
        return connection
