"""From the journals into the ledger, exactly once.

The rows and the journal's committed offset are written in one transaction: whatever fails, and whenever, either both
are there or neither is, and the next drain goes on from the offset.
"""

import fcntl
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import structlog
from django.db import DataError, Error, connection, transaction
from psycopg import DataError as DriverDataError

from keys.services import note_use
from usage.events import Event
from usage.journal import HEADER, SUFFIX
from usage.models import DrainedJournal
from usage.models import Event as EventRow

log = structlog.get_logger()

BATCH_BYTES = 1 << 20
COLUMNS = ("time", *Event._fields[1:-1], "count")


def drain(
    path: Path, known_offset: int = 0, settled: int | None = None, between: Callable[[], None] = lambda: None
) -> int:
    """Move what is whole of a journal into the ledger, up to where it is settled (None: to its end); the offset up to
    which it is there. No query when that is not beyond `known_offset`. `between` is called after each batch."""
    offset = known_offset
    while offset < (path.stat().st_size if settled is None else settled):
        reached, events = _drain_batch(path, settled)
        # After the rows: it locks rows of keys, and may be lost without harm.
        note_use({UUID(event.key_id): _moment(event) for event in events if event.key_id is not None})
        if reached == offset:
            break  # a torn last line: its writer is dead, or about to write the rest
        offset = reached
        between()
    return offset


def drain_orphans(folder: Path, own: Path | None, between: Callable[[], None] = lambda: None) -> None:
    """Drain and remove the journals whose writers are gone. One that fails does not hold up the others: the first
    failure is raised when all have had their turn."""
    failures: list[OSError] = []
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        if path == own:
            continue
        # Every living worker looks for orphans: one gets the lock, and the file may be gone for the others.
        with suppress(FileNotFoundError, BlockingIOError), path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if path.exists():
                try:
                    _drain_orphan(path, between)
                except OSError as error:
                    failures.append(error)
    if failures:
        raise failures[0]


def waiting_bytes(folder: Path) -> int:
    """Of all journals of this host, what is not in the ledger yet; while the database is away, all."""
    sizes: dict[str, int] = {}
    for path in folder.glob(f"*{SUFFIX}"):
        with suppress(FileNotFoundError):  # drained meanwhile
            sizes[path.stem] = path.stat().st_size
    with suppress(Error):
        drained = DrainedJournal.objects.filter(name__in=sizes).values_list("offset", flat=True)
        return sum(sizes.values()) - sum(drained)
    return sum(sizes.values())


def _drain_orphan(path: Path, between: Callable[[], None]) -> None:
    torn = path.stat().st_size - drain(path, between=between)
    if torn:
        log.warning("usage_journal_torn", journal=path.name, bytes_dropped=torn)
    # The file first: a row without a file does no harm, a file without its row would be drained again.
    path.unlink()
    DrainedJournal.objects.filter(name=path.stem).delete()


def _drain_batch(path: Path, settled: int | None) -> tuple[int, list[Event]]:
    """The offset reached, and the events up to there."""
    with transaction.atomic():
        DrainedJournal.objects.bulk_create([DrainedJournal(name=path.stem)], ignore_conflicts=True)
        journal = DrainedJournal.objects.select_for_update().get(name=path.stem)
        lines, offset = _read(path, journal.offset, settled)
        if offset == journal.offset:
            return offset, []
        events = list(_events(path, lines))
        _store(path, events)
        journal.offset = offset
        journal.save(update_fields=["offset"])
    return offset, events


def _store(path: Path, events: list[Event]) -> None:
    """Write the events. If the database refuses their data, halve them until the one that it refuses is alone, and
    drop that: one bad line must not hold up all others for ever."""
    columns = ", ".join(f'"{name}"' for name in COLUMNS)
    try:
        with (
            transaction.atomic(),
            connection.cursor() as cursor,
            cursor.copy(f"COPY {EventRow._meta.db_table} ({columns}) FROM STDIN") as copy,
        ):
            for event in events:
                copy.write_row((_moment(event), *event[1:]))
    except (DataError, DriverDataError) as error:
        if len(events) == 1:
            log.error("usage_event_refused", journal=path.name, error=" ".join(str(error).split()))
            return
        middle = len(events) // 2
        _store(path, events[:middle])
        _store(path, events[middle:])


def _moment(event: Event) -> datetime:
    return datetime.fromtimestamp(event.time, UTC)


def _read(path: Path, offset: int, settled: int | None) -> tuple[list[bytes], int]:
    """Whole lines from `offset`, about BATCH_BYTES of them, and where they end."""
    length = BATCH_BYTES if settled is None else max(0, min(BATCH_BYTES, settled - offset))
    with path.open("rb") as file:
        file.seek(offset)
        block = file.read(length)
    whole = block[: block.rfind(b"\n") + 1]
    return whole.splitlines(keepends=True), offset + len(whole)


def _events(path: Path, lines: list[bytes]) -> Iterator[Event]:
    for line in lines:
        if line == HEADER:
            continue
        try:
            yield Event(*json.loads(line))
        except (ValueError, TypeError):
            log.error("usage_journal_line_unreadable", journal=path.name, bytes_dropped=len(line))
