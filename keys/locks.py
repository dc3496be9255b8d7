"""Locks on what several keys share. Each is held until the transaction ends. They are taken in this order: owners,
by their names; then the pool; then rows of keys, by their ids."""

from uuid import UUID

from django.db import connection

# The first halves of the numbers of the database's advisory locks. The second is a hash: two owners that share one
# only take turns.
OWNERS = 1_307_674
POOLS = 1_307_676


def lock_owner(owner: str) -> None:
    """Keep other transactions from making, moving or revoking keys of this owner: a key that is being made while all
    of the owner's are revoked must not be missed."""
    _lock(OWNERS, owner)


def lock_pool(pool_id: UUID) -> None:
    """Keep other transactions from rotating a key of this pool or changing its limits: a successor that is being made
    while the keys before it are revoked must not be missed. It may have another owner, but is always of this pool."""
    _lock(POOLS, str(pool_id))


def _lock(kind: int, name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [kind, name])
