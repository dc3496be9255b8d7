"""Moves events from the journals into the ledger, exactly once.

One transaction writes the events, the roll-ups and the offset up to which the journal is drained. After a failure
either all of them are stored or none, and the next drain continues at the stored offset.
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
CONSTRAINT_ERRORS = (IntegrityError, DriverIntegrityError)
UNSTORABLE = (DataError, DriverDataError, UnicodeEncodeError, *CONSTRAINT_ERRORS)


def drain(
    path: Path, known_offset: int = 0, settled: int | None = None, after_batch: Callable[[], None] = lambda: None
) -> int:
    """Move a journal's whole lines into the ledger and return the offset (in bytes) up to which they are stored.

    `known_offset` is the offset that the caller saw last: if the journal has not grown beyond it, no query is made.
    Lines from `settled` on may still change and stay in the file; None drains to the end.
    `after_batch` is called after each batch. Raises usage.lines.UnknownFormat.
    """
    offset = known_offset
    while offset < (path.stat().st_size if settled is None else settled):
        reached, entries = _drain_batch(path, settled)
        # In a later transaction than the events: it locks rows of keys, and losing it does no harm.
        note_use({UUID(event.key_id): moment for _, moment, event in entries if event.key_id is not None})
        if reached == offset:
            break  # the last line is incomplete: its writer is dead, or about to write the rest
        offset = reached
        after_batch()
    return offset


def drain_orphans(folder: Path, own: Path | None, after_batch: Callable[[], None] = lambda: None) -> None:
    """Drain and remove the journals whose writers have exited; `own` is the caller's journal, which is skipped.

    A journal that fails does not stop the others: the first error is raised after all have been tried.
    """
    failures: list[Exception] = []
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        if path == own:
            continue
        try:
            with path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if path.exists():
                    _drain_orphan(path, after_batch)
        except (FileNotFoundError, BlockingIOError):
            pass  # every worker looks for orphans: another one has the lock, or has removed the file already
        except (OSError, Error) as error:
            failures.append(error)
    if failures:
        raise failures[0]


def _drain_orphan(path: Path, after_batch: Callable[[], None]) -> None:
    torn_bytes = path.stat().st_size - drain(path, after_batch=after_batch)
    if torn_bytes:
        log.warning("usage_journal_torn", journal=path.name, bytes_dropped=torn_bytes)
    # Remove the file before the row is finished: a finished row may expire, and the file would be drained again.
    path.unlink()
    DrainedJournal.objects.filter(name=path.stem).update(finished_at=timezone.now())


def _drain_batch(path: Path, settled: int | None) -> tuple[int, list[Entry]]:
    """Drain one batch. Return the new offset and the events that were stored."""
    version = lines.format_of(path)
    with transaction.atomic():
        # Workers contend for the roll-ups of the current hour. No request waits for a drain, so it may wait long.
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = 0")
        DrainedJournal.objects.bulk_create([DrainedJournal(name=path.stem)], ignore_conflicts=True)
        journal = DrainedJournal.objects.select_for_update().get(name=path.stem)
        batch, offset = lines.read(path, journal.offset, settled)
        if offset == journal.offset:
            return offset, []
        parsed = list(lines.entries(batch, version, journal.lines + 1))
        entries = [entry for entry in parsed if entry is not None]
        if len(entries) < len(parsed):
            log.error("usage_journal_unreadable", journal=path.name, lines_dropped=len(parsed) - len(entries))
        stored = _store(journal, entries)
        _roll_up(stored)
        journal.offset = offset
        journal.lines += len(parsed)
        journal.dropped += len(parsed) - len(stored)
        journal.save(update_fields=["offset", "lines", "dropped"])
    return offset, stored


def _store(journal: DrainedJournal, entries: list[Entry], is_retry: bool = False) -> list[Entry]:
    """Write the events and return those that were written.

    If the database rejects their data, the batch is halved until the rejected event is alone. That one is dropped, so
    that a bad line does not block the journal for ever.
    """
    if not entries:
        return []
    try:
        with transaction.atomic():
            _insert(journal.pk, entries)
    except UNSTORABLE as error:
        if isinstance(error, CONSTRAINT_ERRORS) and not is_retry:  # most likely a day without a partition
            partitions.create(entry.moment.date() for entry in entries)
            return _store(journal, entries, is_retry=True)
        if len(entries) == 1:
            log.error("usage_event_refused", journal=journal.name, error=" ".join(str(error).split()))
            return []
        middle = len(entries) // 2
        return [*_store(journal, entries[:middle], is_retry), *_store(journal, entries[middle:], is_retry)]
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
    """Add the events to the roll-ups, in one sorted statement at the end of the transaction.

    The order in which it locks rows is the same in all workers, so that they wait for each other but never deadlock.
    """
    rollup = Rollup()
    for _, moment, event in entries:
        rollup.add(moment, event)
    rollup.store()
