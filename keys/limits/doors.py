"""Counters for the doors that have no key yet, which django-ratelimit guards: a Django cache in PostgreSQL.

django-ratelimit wants a cache that every worker shares and whose increment is atomic. Django's own database cache
increments by a read and a write, and its memory cache multiplies each limit by the number of workers.
"""

from collections.abc import Iterable
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache
from django.db import connection

# A counter that has run out counts as absent, and its row is taken over.
ADD = """
INSERT INTO keys_doorcounter AS counter (name, count, expires_at)
VALUES (%(name)s, %(count)s, clock_timestamp() + make_interval(secs => %(seconds)s))
ON CONFLICT (name) DO UPDATE SET count = EXCLUDED.count, expires_at = EXCLUDED.expires_at
WHERE counter.expires_at <= clock_timestamp()
RETURNING true
"""
INCREMENT = """
UPDATE keys_doorcounter SET count = count + %(delta)s
WHERE name = %(name)s AND expires_at > clock_timestamp() RETURNING count
"""
READ = "SELECT count FROM keys_doorcounter WHERE name = %(name)s AND expires_at > clock_timestamp()"
DELETE = "DELETE FROM keys_doorcounter WHERE name = %(name)s RETURNING true"
SWEEP = "DELETE FROM keys_doorcounter WHERE expires_at <= clock_timestamp()"
ADDS_BETWEEN_SWEEPS = 100


class DoorCounterCache(BaseCache):
    """Holds whole numbers only: what django-ratelimit stores."""

    def __init__(self, _location: str, params: dict[str, Any]) -> None:
        super().__init__(params)
        self._adds = 0

    def add(self, key: str, value: int, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        if value == 0:
            return False  # django-ratelimit only asks; it then reads, and takes an absent counter for 0
        self._adds += 1
        if self._adds % ADDS_BETWEEN_SWEEPS == 0:
            self._one(SWEEP + " RETURNING true")
        seconds = self.default_timeout if timeout is DEFAULT_TIMEOUT else timeout
        return self._one(ADD, name=self.make_and_validate_key(key, version), count=value, seconds=seconds) is not None

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        row = self._one(READ, name=self.make_and_validate_key(key, version))
        return default if row is None else row

    def set(self, key: str, value: int, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> None:
        self.delete(key, version)
        self.add(key, value, timeout, version)

    def incr(self, key: str, delta: int = 1, version: int | None = None) -> int:
        """Raises ValueError when there is no such counter, as every Django cache does."""
        count = self._one(INCREMENT, name=self.make_and_validate_key(key, version), delta=delta)
        if count is None:
            raise ValueError(f"Key {key!r} not found")
        return int(count)

    def delete(self, key: str, version: int | None = None) -> bool:
        return self._one(DELETE, name=self.make_and_validate_key(key, version)) is not None

    def clear(self) -> None:
        self._one("TRUNCATE keys_doorcounter", returns=False)

    @staticmethod
    def _one(statement: str, returns: bool = True, **parameters: Any) -> Any:
        with connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            row: Iterable[Any] | None = cursor.fetchone() if returns else None
        return next(iter(row)) if row else None
