"""The registry of one moment, as lines."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction

from registry.transfer.files import File, SealedFile
from registry.transfer.header import header
from registry.transfer.kinds import KINDS
from registry.transfer.values import as_json

ROWS_AT_ONCE = 32  # that the database sends: a version may have half a megabyte


@contextmanager
def snapshot() -> Iterator[None]:
    """Whatever others write meanwhile, all that is read within is of one moment."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def export_registry(file: File) -> Iterator[int]:
    """Write all of it; after each line, of how many."""
    sealed = SealedFile(file)
    with snapshot():
        counts = {kind.name: kind.rows().count() for kind in KINDS.values()}
        total = sum(counts.values()) + 2
        sealed.write(header(counts))
        yield total
        for kind in KINDS.values():
            for row in kind.rows().order_by("pk").iterator(ROWS_AT_ONCE):
                sealed.write({"kind": kind.name, **as_json(row)})
                yield total
    sealed.seal()
    yield total
