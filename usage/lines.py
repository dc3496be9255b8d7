"""Reading a journal's lines."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from usage.events import Event
from usage.journal import FORMAT, HEADER

BATCH_BYTES = 1 << 20
UNREADABLE = b"\n"
LARGEST = 1 << 50  # of what an event adds to a sum: ledgers hold the sums of some thousands of such
# Of an event's fields, in their order; a line that has others would come to grief further on.
KINDS: tuple[Any, ...] = (
    (int, float), str, (str, type(None)), str, str, str, int, str, int, int, int, (str, type(None)), int,
    (str, type(None)), int,
)  # fmt: skip


class UnknownFormat(OSError):
    """The journal is of a newer version of this service."""


class Entry(NamedTuple):
    line: int  # the event's number in its journal, from 1
    moment: datetime
    event: Event


def read(path: Path, offset: int, settled: int | None) -> tuple[list[bytes], int]:
    """Whole lines from `offset`, about BATCH_BYTES of them, without the header, and where they end."""
    length = BATCH_BYTES if settled is None else max(0, min(BATCH_BYTES, settled - offset))
    with path.open("rb") as file:
        file.seek(offset)
        block = file.read(length)
        if len(block) == BATCH_BYTES and b"\n" not in block:
            # No event is so long: zeros that a power cut has left. The next line is where they end.
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
    """The version of the journal's format; of one without a header, this one's. Raises UnknownFormat."""
    with path.open("rb") as file:
        first = file.readline(len(HEADER) + 10)
    version = json.loads(first)["journal"] if is_header(first) else FORMAT
    if version not in (1, FORMAT):
        raise UnknownFormat(f"{path.name} is a journal of format {version}, of a newer version of this service")
    return int(version)


def entries(lines: list[bytes], version: int, first: int) -> Iterator[Entry | None]:
    """For each line, numbered from `first`, what it says; None for one that nobody can read."""
    for number, line in enumerate(lines, start=first):
        try:
            fields = json.loads(line)
            if version == 1:  # which had no model
                fields.insert(-1, None)
            yield _entry(number, fields)
        except (ValueError, TypeError, AttributeError, OverflowError, OSError, RecursionError):
            yield None


def _entry(number: int, fields: list[Any]) -> Entry:
    event = Event(*fields)
    if not all(map(isinstance, event, KINDS)):
        raise TypeError("fields of other types")
    moment = datetime.fromtimestamp(event.time, UTC)
    if not 2000 <= moment.year < 3000:
        raise ValueError("a time of no sense")
    if event.times * max(event.request_bytes, event.response_bytes, event.duration_us, event.units) > LARGEST:
        raise ValueError("numbers of no sense")
    return Entry(number, moment, event)
