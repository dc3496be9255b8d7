"""Reads a journal's lines and parses them into events."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from usage.events import Event
from usage.journal import FORMAT, HEADER

BATCH_BYTES = 1 << 20
UNREADABLE = b"\n"
LARGEST = 1 << 50  # the most that an event may add to a sum: a bigint holds the sum of thousands of them
# The types of an event's fields, in order. A line with other types would fail later, in the roll-ups or the database.
FIELD_TYPES: tuple[Any, ...] = (
    (int, float), str, (str, type(None)), str, str, str, int, str, int, int, int, (str, type(None)), int,
    (str, type(None)), int,
)  # fmt: skip


class UnknownFormat(OSError):
    """The journal was written by a newer version of this service."""


class Entry(NamedTuple):
    line: int  # the event's number in its journal, from 1
    moment: datetime
    event: Event


def read(path: Path, offset: int, settled: int | None) -> tuple[list[bytes], int]:
    """Read about BATCH_BYTES of whole lines from `offset` on, without the header.

    Returns the lines and the offset at which they end. Reads up to `settled`, or to the end of the file if it is None.
    """
    length = BATCH_BYTES if settled is None else max(0, min(BATCH_BYTES, settled - offset))
    with path.open("rb") as file:
        file.seek(offset)
        block = file.read(length)
        if len(block) == BATCH_BYTES and b"\n" not in block:
            # No event is this long: a power cut has left a block of zeros. Skip it up to the end of its line.
            rest = next(iter(file), b"")
            return ([UNREADABLE], file.tell()) if rest.endswith(b"\n") else ([], offset)
    whole = block[: block.rfind(b"\n") + 1]
    lines = whole.splitlines(keepends=True)
    return lines[1:] if offset == 0 and lines and is_header(lines[0]) else lines, offset + len(whole)


def is_header(line: bytes) -> bool:
    try:
        parsed = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(parsed, dict) and "journal" in parsed


def format_of(path: Path) -> int:
    """Return the version of the journal's format; without a header, the current one. Raises UnknownFormat."""
    with path.open("rb") as file:
        first = file.readline(len(HEADER) + 10)
    version = json.loads(first)["journal"] if is_header(first) else FORMAT
    if version not in (1, FORMAT):
        raise UnknownFormat(f"{path.name} is a journal of format {version}, of a newer version of this service")
    return int(version)


def entries(lines: list[bytes], version: int, first: int) -> Iterator[Entry | None]:
    """Parse the lines. `first` is the number of the first one. Yields None for a line that cannot be parsed."""
    for number, line in enumerate(lines, start=first):
        try:
            fields = json.loads(line)
            if version == 1:  # it had no model_id
                fields.insert(-1, None)
            yield _entry(number, fields)
        except (ValueError, TypeError, AttributeError, OverflowError, OSError, RecursionError):
            yield None


def _entry(number: int, fields: list[Any]) -> Entry:
    event = Event(*fields)
    if not all(map(isinstance, event, FIELD_TYPES)):
        raise TypeError("a field has the wrong type")
    moment = datetime.fromtimestamp(event.time, UTC)
    if not 2000 <= moment.year < 3000:
        raise ValueError("the time is before 2000 or after 2999")
    if event.requests * max(event.request_bytes, event.response_bytes, event.duration_us, event.units) > LARGEST:
        raise ValueError("a number is too large to be added up")
    return Entry(number, moment, event)
