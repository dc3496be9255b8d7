"""Every advisory lock of the database, and the order in which locks are taken.

A transaction takes locks in this order, so that no two transactions wait for each other in a circle. Rows of one kind
are locked by ascending id, in one statement.

1. the claim of an `Idempotency-Key`
2. owners of keys, by name (advisory); then pools of keys (advisory); then rows of keys
3. models; then contexts; then versions
4. deployments
5. lineage (advisory), while a parent is added to an existing version

No request takes the locks DATABASE, IMPORT and PARTITIONS, and none of their holders waits for another of them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import Any

import psycopg
from django.db import connection

HOLD = "SELECT pg_advisory_xact_lock(%s, hashtext(%s))"
HOLD_FOR_SESSION = "SELECT pg_advisory_lock(%s, hashtext(%s))"


class Lock(IntEnum):
    """The resource that each lock guards. PostgreSQL identifies a lock by this number and a hash of a name; two names
    with the same hash only take turns."""

    DATABASE = 1  # making the database ready and creating the first key: one host at a time
    # By owner: creating, reassigning and revoking keys. A key that is created while all keys of its owner are revoked
    # must not be missed.
    OWNER = 2
    # By pool: rotating a key, and changing the limits that its pool shares. A successor that is created while the keys
    # before it are revoked must not be missed; it may have another owner, but always has the same pool.
    POOL = 3
    LINEAGE = 4  # adding parents to a version: of two edges that would close a circle, the second one is refused
    IMPORT = 5  # importing: imports at the same time take turns, batch by batch
    PARTITIONS = 6  # creating and dropping the ledger's partitions


def hold(lock: Lock, name: str = "") -> None:
    """Wait for the lock, and keep it until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(HOLD, [lock, name])


@contextmanager
def held_by_session(lock: Lock, parameters: dict[str, Any]) -> Iterator[None]:
    """Keep the lock through any number of transactions, on a connection of its own. For commands only: a pooler, which
    may stand before the service's connections, would give the lock to the next client."""
    with psycopg.connect(**parameters, autocommit=True) as session:
        session.execute(HOLD_FOR_SESSION, [lock, ""])
        yield
