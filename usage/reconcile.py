"""Reconciles usage: the journals' lines, the ledger's rows and the sums of the roll-ups must be equal."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from django.db import connection, transaction

from usage import lines
from usage.journal import SUFFIX
from usage.latency import counts
from usage.models import DrainedJournal, Expiry, HourlyUsage

ROWS = """
SELECT journal, count(*), count(DISTINCT line), max(line), sum(count) FROM usage_event
WHERE journal IS NOT NULL GROUP BY journal
"""
SERIES_COLUMNS = "key_id, owner, method, route, model_id, status, code"
LEDGER = f"""
SELECT date_trunc('hour', time, 'UTC') AS hour, {SERIES_COLUMNS}, sum(count), sum(count::bigint * units),
    sum(count * request_bytes), sum(count * response_bytes)
FROM usage_event WHERE time >= %(first)s GROUP BY hour, {SERIES_COLUMNS}
"""  # noqa: S608  (made of constants, like the next two)
ROLLUPS = f"""
SELECT hour, {SERIES_COLUMNS}, sum(requests), sum(units), sum(request_bytes), sum(response_bytes)
FROM usage_hourlyusage JOIN usage_series ON usage_series.id = series_id WHERE hour >= %(first)s
GROUP BY hour, {SERIES_COLUMNS}
"""  # noqa: S608
DIFFERENCE = f"SELECT * FROM (({{}}) EXCEPT ({{}})) AS difference ORDER BY hour, {SERIES_COLUMNS}"  # noqa: S608
TOTALS = """
SELECT (SELECT count(*) FROM usage_event), (SELECT sum(count) FROM usage_event WHERE time >= %(first)s),
    (SELECT sum(requests) FROM usage_hourlyusage WHERE hour >= %(first)s),
    (SELECT sum(requests) FROM usage_hourlyusage WHERE hour < %(first)s)
"""


class LedgerFigures(NamedTuple):
    """The events in the ledger that came from one journal."""

    rows: int = 0
    distinct_lines: int = 0
    last_line: int = 0
    requests: int = 0


class FileFigures(NamedTuple):
    """The events in the file of one journal before its drained offset."""

    lines: int
    requests: int  # the sum of the lines' counts
    waiting: int  # lines after the offset


@dataclass
class JournalBook:
    """The three records of one journal. `file` is None if the file is removed or on another host."""

    row: DrainedJournal
    ledger: LedgerFigures
    file: FileFigures | None

    def differences(self) -> Iterator[str]:
        row, ledger, file = self.row, self.ledger, self.file
        stored = row.lines - row.dropped - row.expired
        if ledger.rows != stored:
            yield f"the ledger should have {stored} of its events and has {ledger.rows}"
        if ledger.distinct_lines != ledger.rows:
            yield f"the ledger has {ledger.rows - ledger.distinct_lines} of its events more than once"
        if ledger.last_line > row.lines:
            yield f"the ledger has its event {ledger.last_line}, but only {row.lines} were drained"
        if file is not None and file.lines != row.lines:
            yield f"{row.lines} of its lines count as drained, but its file has {file.lines} before the drained offset"
        complete = row.dropped == row.expired == 0
        if file is not None and complete and file.requests != ledger.requests:
            yield f"its lines count {file.requests} requests, its events {ledger.requests}"


@dataclass
class Books:
    """The result of a reconciliation. Everything is equal if `differences` is empty."""

    journals: list[JournalBook]
    events: int
    requests: int  # the sum of the events' counts
    rolled_up: int  # requests in the roll-ups of the same hours
    expired: int  # requests in the roll-ups of earlier hours, whose events have been dropped
    waiting: int  # lines that are not drained yet
    differences: list[str]  # a sentence for each


def reconcile(folder: Path) -> Books:
    """Compare all records in one snapshot of the database; the service may run. `folder` holds this host's journals."""
    with _snapshot(), connection.cursor() as cursor:
        cursor.execute(ROWS)
        ledger = {journal: LedgerFigures(*map(int, figures)) for journal, *figures in cursor.fetchall()}
        rows = {row.name: row for row in DrainedJournal.objects.order_by("id")}
        hours = {"first": Expiry.first_day()}
        cursor.execute(TOTALS, hours)
        events, requests, rolled_up, expired = (int(number or 0) for number in cursor.fetchone())
        differences = [*_sum_differences(cursor, hours), *_histogram_differences(hours["first"])]
    files, unreadable = _files(folder, rows)
    journals = [JournalBook(row, ledger.pop(row.pk, LedgerFigures()), files.get(name)) for name, row in rows.items()]
    for book in journals:
        differences += [f"Journal {book.row.name}: {text}." for text in book.differences()]
    differences += [
        f"{figures.rows} events name journal {journal}, which does not exist." for journal, figures in ledger.items()
    ]
    waiting = sum(file.waiting for file in files.values())
    return Books(journals, events, requests, rolled_up, expired, waiting, differences + unreadable)


@contextmanager
def _snapshot() -> Iterator[None]:
    """A block whose queries all read one snapshot of the database, unless a transaction is open already."""
    outermost = not connection.in_atomic_block
    with transaction.atomic():
        if outermost:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                # Wait for a partition that is being dropped before the first query takes the snapshot.
                cursor.execute("LOCK TABLE usage_event IN ACCESS SHARE MODE")
        yield


def _sum_differences(cursor: Any, hours: dict[str, Any]) -> Iterator[str]:
    """Yield a sentence for each hour and series whose sums differ between the ledger and the roll-ups."""
    sums: dict[tuple[Any, ...], dict[str, list[int]]] = {}
    for side, query in (
        ("ledger", DIFFERENCE.format(LEDGER, ROLLUPS)),
        ("roll-ups", DIFFERENCE.format(ROLLUPS, LEDGER)),
    ):
        cursor.execute(query, hours)
        for *hour_and_series, requests, units, received, sent in cursor.fetchall():
            figures = [int(number) for number in (requests, units, received, sent)]
            sums.setdefault(tuple(hour_and_series), {})[side] = figures
    for (hour, *series), sides in sums.items():
        label = " ".join("-" if part in (None, "") else str(part) for part in series)
        text = ", ".join(f"{side} {sides.get(side, [0, 0, 0, 0])}" for side in ("ledger", "roll-ups"))
        yield f"{hour:%Y-%m-%d %H:%M} {label}: requests, units and bytes by {text}."


def _histogram_differences(first: datetime) -> Iterator[str]:
    """Yield a sentence for each hour and series whose histogram does not count as many latencies as requests."""
    rows = HourlyUsage.objects.filter(hour__gte=first).values_list("hour", "series_id", "requests", "latencies")
    for hour, series, requests, latencies in rows.iterator():
        counted = sum(counts(latencies).values())
        if counted != requests:
            yield f"{hour:%Y-%m-%d %H:%M} series {series}: {requests} requests, but {counted} latencies."


def _files(folder: Path, rows: dict[str, DrainedJournal]) -> tuple[dict[str, FileFigures], list[str]]:
    """Read the journals of the folder. Return their figures, and a sentence for each that cannot be read."""
    files, unreadable = {}, []
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        row = rows.get(path.stem)
        try:
            files[path.stem] = _read(path, row.offset if row else 0)
        except FileNotFoundError:  # drained and removed since
            continue
        except OSError as error:
            unreadable.append(f"Journal {path.stem}: it cannot be read: {error}.")
    return files, unreadable


def _read(path: Path, offset: int) -> FileFigures:
    version = lines.format_of(path)
    drained, waiting, requests, position = 0, 0, 0, 0
    for end in (offset, None):
        while True:
            batch, reached = lines.read(path, position, end)
            if reached == position:
                break
            position = reached
            if end is None:
                waiting += len(batch)
            else:
                drained += len(batch)
                requests += sum(entry.event.requests for entry in lines.entries(batch, version, 1) if entry)
    return FileFigures(drained, requests, waiting)
