"""Whether the books balance: journals' lines = the ledger's rows = the sums of the roll-ups."""

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
PLACE = "key_id, owner, method, route, model_id, status, code"
LEDGER = f"""
SELECT date_trunc('hour', time, 'UTC') AS hour, {PLACE}, sum(count), sum(count::bigint * units),
    sum(count * request_bytes), sum(count * response_bytes)
FROM usage_event WHERE time >= %(first)s GROUP BY hour, {PLACE}
"""  # noqa: S608  (of constants, as the next two)
ROLLUPS = f"""
SELECT hour, {PLACE}, sum(requests), sum(units), sum(request_bytes), sum(response_bytes)
FROM usage_hourlyusage JOIN usage_series ON usage_series.id = series_id WHERE hour >= %(first)s
GROUP BY hour, {PLACE}
"""  # noqa: S608
APART = f"SELECT * FROM (({{}}) EXCEPT ({{}})) AS apart ORDER BY hour, {PLACE}"  # noqa: S608
TOTALS = """
SELECT (SELECT count(*) FROM usage_event), (SELECT sum(count) FROM usage_event WHERE time >= %(first)s),
    (SELECT sum(requests) FROM usage_hourlyusage WHERE hour >= %(first)s),
    (SELECT sum(requests) FROM usage_hourlyusage WHERE hour < %(first)s)
"""


class Found(NamedTuple):
    """Of one journal, in the ledger."""

    rows: int = 0
    different: int = 0  # line numbers
    last: int = 0
    requests: int = 0


class File(NamedTuple):
    """Of one journal, in its file, up to where it is drained."""

    lines: int
    requests: int  # that the lines stand for
    waiting: int  # lines beyond


@dataclass
class JournalBook:
    """What is known of one journal; `file` only while it is there, on this host."""

    row: DrainedJournal
    found: Found
    file: File | None

    def differences(self) -> Iterator[str]:
        row, found, file = self.row, self.found, self.file
        stored = row.lines - row.dropped - row.expired
        if found.rows != stored:
            yield f"{stored} of its events should be in the ledger, {found.rows} are"
        if found.different != found.rows:
            yield f"{found.rows - found.different} of its events are in the ledger more than once"
        if found.last > row.lines:
            yield f"its event {found.last} is in the ledger, of {row.lines} that were drained"
        if file is not None and file.lines != row.lines:
            yield f"{row.lines} lines of it count as drained, its file has {file.lines} up to there"
        whole = row.dropped == row.expired == 0
        if file is not None and whole and file.requests != found.requests:
            yield f"its lines stand for {file.requests} requests, its events for {found.requests}"


@dataclass
class Books:
    """The outcome. `differences` says in a sentence each what does not agree; nothing when all does."""

    journals: list[JournalBook]
    events: int
    requests: int  # that the events stand for, and the next by the roll-ups of the same hours
    rolled_up: int
    expired: int  # requests of which there are roll-ups alone
    waiting: int  # lines that are not drained yet
    differences: list[str]


def reconcile(folder: Path) -> Books:
    """Compare everything as of one moment, while the service goes on. `folder` holds this host's journals."""
    with _one_moment(), connection.cursor() as cursor:
        cursor.execute(ROWS)
        found = {journal: Found(*map(int, rest)) for journal, *rest in cursor.fetchall()}
        rows = {row.name: row for row in DrainedJournal.objects.order_by("id")}
        hours = {"first": Expiry.first_day()}
        cursor.execute(TOTALS, hours)
        events, requests, rolled_up, expired = (int(number or 0) for number in cursor.fetchone())
        differences = [*_apart(cursor, hours), *_histograms(hours["first"])]
    files, unreadable = _files(folder, rows)
    journals = [JournalBook(row, found.pop(row.pk, Found()), files.get(name)) for name, row in rows.items()]
    for book in journals:
        differences += [f"Journal {book.row.name}: {text}." for text in book.differences()]
    differences += [
        f"{rest.rows} events are of journal {journal}, which is not known." for journal, rest in found.items()
    ]
    waiting = sum(file.waiting for file in files.values())
    return Books(journals, events, requests, rolled_up, expired, waiting, differences + unreadable)


@contextmanager
def _one_moment() -> Iterator[None]:
    """All that is read is of one moment: of a transaction's begin, if it is not part of one that has begun already."""
    outermost = not connection.in_atomic_block
    with transaction.atomic():
        if outermost:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                # Waits for a partition that is being dropped, before the moment is taken.
                cursor.execute("LOCK TABLE usage_event IN ACCESS SHARE MODE")
        yield


def _apart(cursor: Any, hours: dict[str, Any]) -> Iterator[str]:
    """Where the ledger and the roll-ups differ, an hour and a series at a time."""
    sides: dict[tuple[Any, ...], dict[str, list[int]]] = {}
    for side, query in (("ledger", APART.format(LEDGER, ROLLUPS)), ("roll-ups", APART.format(ROLLUPS, LEDGER))):
        cursor.execute(query, hours)
        for *place, requests, units, received, sent in cursor.fetchall():
            sides.setdefault(tuple(place), {})[side] = [int(number) for number in (requests, units, received, sent)]
    for (hour, *place), told in sides.items():
        where = " ".join("-" if part in (None, "") else str(part) for part in place)
        figures = ", ".join(f"{side} {told.get(side, [0, 0, 0, 0])}" for side in ("ledger", "roll-ups"))
        yield f"{hour:%Y-%m-%d %H:%M} {where}: requests, units and bytes by {figures}."


def _histograms(first: datetime) -> Iterator[str]:
    """Where the latencies that were counted are not as many as the requests."""
    rows = HourlyUsage.objects.filter(hour__gte=first).values_list("hour", "series_id", "requests", "latencies")
    for hour, series, requests, latencies in rows.iterator():
        counted = sum(counts(latencies).values())
        if counted != requests:
            yield f"{hour:%Y-%m-%d %H:%M} series {series}: {requests} requests, but {counted} latencies."


def _files(folder: Path, rows: dict[str, DrainedJournal]) -> tuple[dict[str, File], list[str]]:
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


def _read(path: Path, offset: int) -> File:
    version = lines.format_of(path)
    counts, at, requests = {True: 0, False: 0}, 0, 0
    for limit in (offset, None):
        while True:
            found, reached = lines.read(path, at, limit)
            if reached == at:
                break
            at = reached
            counts[limit is not None] += len(found)
            if limit is not None:
                requests += sum(entry.event.times for entry in lines.entries(found, version, 1) if entry)
    return File(counts[True], requests, counts[False])
