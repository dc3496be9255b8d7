"""From the journals into the ledger, exactly once.

The rows, the roll-ups and the journal's committed offset are written in one transaction: whatever fails, and whenever,
either all are there or none is, and the next drain goes on from the offset.
"""

import fcntl
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import structlog
from django.db import DataError, Error, IntegrityError, connection, transaction
from django.utils import timezone
from psycopg import DataError as DriverDataError
from psycopg import IntegrityError as DriverIntegrityError

from keys.services import note_use
from usage import lines, partitions
from usage.events import Event
from usage.journal import SUFFIX
from usage.lines import Entry
from usage.models import DrainedJournal
from usage.models import Event as EventRow
from usage.rollups import Rollup

log = structlog.get_logger()

COLUMNS = ("time", *Event._fields[1:-1], "count", "journal", "line")
REFUSED_BY_A_RULE = (IntegrityError, DriverIntegrityError)
UNSTORABLE = (DataError, DriverDataError, UnicodeEncodeError, *REFUSED_BY_A_RULE)


def drain(
    path: Path, known_offset: int = 0, settled: int | None = None, between: Callable[[], None] = lambda: None
) -> int:
    """Move what is whole of a journal into the ledger, up to where it is settled (None: to its end); the offset up to
    which it is there. No query when that is not beyond `known_offset`. `between` is called after each batch.

    Raises usage.lines.UnknownFormat.
    """
    offset = known_offset
    while offset < (path.stat().st_size if settled is None else settled):
        reached, entries = _drain_batch(path, settled)
        # After the rows: it locks rows of keys, and may be lost without harm.
        note_use({UUID(event.key_id): moment for _, moment, event in entries if event.key_id is not None})
        if reached == offset:
            break  # a torn last line: its writer is dead, or about to write the rest
        offset = reached
        between()
    return offset


def drain_orphans(folder: Path, own: Path | None, between: Callable[[], None] = lambda: None) -> None:
    """Drain and remove the journals whose writers are gone. One that fails does not hold up the others: the first
    failure is raised when all have had their turn."""
    failures: list[Exception] = []
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        if path == own:
            continue
        try:
            with path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if path.exists():
                    _drain_orphan(path, between)
        except (FileNotFoundError, BlockingIOError):
            pass  # every living worker looks for orphans: one gets the lock, and the file may be gone for the others
        except (OSError, Error) as error:
            failures.append(error)
    if failures:
        raise failures[0]


def _drain_orphan(path: Path, between: Callable[[], None]) -> None:
    torn = path.stat().st_size - drain(path, between=between)
    if torn:
        log.warning("usage_journal_torn", journal=path.name, bytes_dropped=torn)
    # The file first: a row that is not finished does no harm, a file whose row has expired would be drained again.
    path.unlink()
    DrainedJournal.objects.filter(name=path.stem).update(finished_at=timezone.now())


def _drain_batch(path: Path, settled: int | None) -> tuple[int, list[Entry]]:
    """The offset reached, and what was stored up to there."""
    version = lines.format_of(path)
    with transaction.atomic():
        # Workers meet at the roll-ups of an hour. No request waits for a drain, so a drain may wait for its turn.
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = 0")
        DrainedJournal.objects.bulk_create([DrainedJournal(name=path.stem)], ignore_conflicts=True)
        journal = DrainedJournal.objects.select_for_update().get(name=path.stem)
        found, offset = lines.read(path, journal.offset, settled)
        if offset == journal.offset:
            return offset, []
        read = list(lines.entries(found, version, journal.lines + 1))
        entries = [entry for entry in read if entry is not None]
        if len(entries) < len(read):
            log.error("usage_journal_unreadable", journal=path.name, lines_dropped=len(read) - len(entries))
        stored = _store(journal, entries)
        _roll_up(stored)
        journal.offset = offset
        journal.lines += len(read)
        journal.dropped += len(read) - len(stored)
        journal.save(update_fields=["offset", "lines", "dropped"])
    return offset, stored


def _store(journal: DrainedJournal, entries: list[Entry], again: bool = False) -> list[Entry]:
    """Write the events; those that were written. If the database refuses their data, halve them until the one that it
    refuses is alone, and drop that: one bad line must not hold up all others for ever."""
    if not entries:
        return []
    try:
        with transaction.atomic():
            _insert(journal.pk, entries)
    except UNSTORABLE as error:
        if isinstance(error, REFUSED_BY_A_RULE) and not again:  # by all likelihood, a day that has no partition yet
            partitions.create(entry.moment.date() for entry in entries)
            return _store(journal, entries, again=True)
        if len(entries) == 1:
            log.error("usage_event_refused", journal=journal.name, error=" ".join(str(error).split()))
            return []
        middle = len(entries) // 2
        return [*_store(journal, entries[:middle], again), *_store(journal, entries[middle:], again)]
    return entries


def _insert(journal: int, entries: list[Entry]) -> None:
    columns = ", ".join(COLUMNS)
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY {EventRow._meta.db_table} ({columns}) FROM STDIN") as copy,
    ):
        for line, moment, event in entries:
            copy.write_row((moment, *event[1:], journal, line))


def _roll_up(entries: list[Entry]) -> None:
    """Last, and once a transaction: other workers wait for the rows that this locks in their order."""
    rollup = Rollup()
    for _, moment, event in entries:
        rollup.add(moment, event)
    rollup.store()
