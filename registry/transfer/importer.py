"""Imports the lines of an export into the database, in batches that are each written wholly or not at all. Existing
rows stay as they are, so an import that was interrupted is simply started again."""

from collections.abc import Iterable, Iterator
from itertools import chain, groupby
from typing import Any, NamedTuple

import psycopg
from django.core.exceptions import ValidationError
from django.db import DataError, IntegrityError, connection
from django.db.models import Model

from mcp_project.database import transactions
from mcp_project.database.locks import Lock, hold
from registry.canonical import canonical
from registry.transfer import Unreadable
from registry.transfer.files import File, Line, lines_of, parse
from registry.transfer.header import Defaults, read_header
from registry.transfer.kinds import KINDS, Kind
from registry.transfer.values import Field, Row, as_json

BATCH_LINES = 1_000
BATCH_BYTES = 16 * 2**20  # or so: it is what the lines have, not what Python makes of them


class Item(NamedTuple):
    """A row that is to be there, and where the file has it."""

    number: int
    kind: Kind
    row: Row

    def refused(self, reason: str) -> Unreadable:
        name = f" {self.row['name']!r}" if "name" in self.row else ""
        key = " ".join(str(part) for part in self.kind.key_of(self.row))
        return Unreadable(f"Line {self.number}: {self.kind.name}{name} ({key}): {reason}")


class Outcome(NamedTuple):
    """The numbers of a batch's rows of one kind that were written, and that existed before."""

    kind: str
    written: int
    there: int


def import_registry(file: File) -> Iterator[list[Outcome]]:
    """Yield the outcomes of each batch once it is committed. Raises Unreadable."""
    lines = lines_of(file)
    first = next(lines)
    defaults = read_header(parse(first))
    for batch in _batches(chain([first], lines)):
        yield _import_batch([item for line in batch for item in _read(line, defaults)])


def _batches(lines: Iterable[Line]) -> Iterator[list[Line]]:
    batch: list[Line] = []
    size = 0
    for line in lines:
        batch.append(line)
        size += len(line[1])
        if len(batch) == BATCH_LINES or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _read(line: Line, defaults: Defaults) -> Iterator[Item]:
    """Yield the line's row, unless it is the first line or the last one. Raises Unreadable."""
    number = line[0]
    content = parse(line)
    name = content.pop("kind", None) if isinstance(content, dict) else None
    if name in ("registry", "end"):
        return
    kind = KINDS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise Unreadable(f"Line {number}: there is no kind {name!r:.100}; those are: {', '.join(KINDS)}.")
    try:
        yield Item(number, kind, kind.read(content, defaults))
    except ValidationError as error:
        raise Unreadable(f"Line {number}: {kind.name}: {' '.join(error.messages)}") from None


@transactions.change
def _import_batch(batch: list[Item]) -> list[Outcome]:
    hold(Lock.IMPORT)
    with connection.cursor() as cursor:
        # So that a version without its model is refused where it is written, and not, nameless, at the end.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    return [_import_rows(KINDS[name], list(items)) for name, items in groupby(batch, lambda item: item.kind.name)]


def _import_rows(kind: Kind, items: list[Item]) -> Outcome:
    stored = _stored(kind, items)
    new = [item for item in items if not _is_there(item, stored)]
    for item in new:
        _check(item)
    _write(kind, new)
    return Outcome(kind.name, len(new), len(items) - len(new))


def _stored(kind: Kind, items: list[Item]) -> dict[tuple[Any, ...], Row]:
    found = kind.rows().filter(**{f"{kind.key[0]}__in": {item.row[kind.key[0]] for item in items}})
    return {kind.key_of(row): row for row in found}


def _is_there(item: Item, stored: dict[tuple[Any, ...], Row]) -> bool:
    """Raises Unreadable where something else is."""
    there = stored.get(item.kind.key_of(item.row))
    if there is None:
        return False
    have, want = as_json(there), as_json(item.row)
    # By their canonical JSON: for Python, 1 and true are equal.
    if canonical(have) != canonical(want):
        differing = [name for name in want if canonical(have[name]) != canonical(want[name])]
        raise item.refused(f"it is there already, and differs in: {', '.join(differing)}.")
    return True


def _check(item: Item) -> None:
    """Check a new row; existing ones are not checked, which would take most of the time. Raises Unreadable."""
    try:
        item.kind.check(item.row)
    except ValidationError as error:
        raise item.refused(" ".join(error.messages)) from None


def _write(kind: Kind, items: list[Item]) -> None:
    """Write the rows. A batch that the database refuses is halved until the refused line is alone. Raises
    Unreadable."""
    if not items:
        return
    try:
        with transactions.open_transaction():
            _copy(kind.model, kind.fields, [item.row for item in items])
            if kind.inner:
                parts = [
                    {kind.inner.key[0]: item.row["id"], **part} for item in items for part in item.row[kind.inner.name]
                ]
                _copy(kind.inner.model, kind.inner.fields, parts)
    except (IntegrityError, DataError) as error:
        if len(items) == 1:
            raise items[0].refused(_said(error)) from None
        middle = len(items) // 2
        _write(kind, items[:middle])
        _write(kind, items[middle:])


def _copy(model: type[Model], fields: list[Field], rows: Iterable[Row]) -> None:
    """Write the rows by COPY, since the ORM would set the time of an audit entry to now."""
    columns = ", ".join(f'"{field.column}"' for field in fields)
    with (
        connection.wrap_database_errors,
        connection.cursor() as cursor,
        cursor.copy(f"COPY {model._meta.db_table} ({columns}) FROM STDIN") as copy,
    ):
        for row in rows:
            copy.write_row([field.get_db_prep_save(row[field.attname], connection) for field in fields])


def _said(error: Exception) -> str:
    """PostgreSQL's reason, such as `Key (name)=(churn) already exists.`"""
    cause = error.__cause__
    return (isinstance(cause, psycopg.Error) and cause.diag.message_detail) or " ".join(str(error).split())
