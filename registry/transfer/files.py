"""Files of lines: written whole or not at all, and read only when they are whole."""

import gzip
import hashlib
import json
import os
import shutil
import sys
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

from mcp_project.database.validators import TOO_DEEP
from registry.canonical import canonical
from registry.transfer import Unreadable
from registry.transfer.header import read_header

MAX_LINE = 16 * 2**20  # bytes: several times what the largest revision or audit entry has
GZIPPED = b"\x1f\x8b"

File = IO[bytes] | gzip.GzipFile
Line = tuple[int, bytes]  # its number, from 1, and what it holds


class SealedFile:
    """Writes lines of canonical JSON, and at last how many they are and the SHA-256 over all of their bytes."""

    def __init__(self, file: File) -> None:
        self.lines = 0
        self._file = file
        self._sha256 = hashlib.sha256()

    def write(self, value: dict[str, Any]) -> None:
        line = canonical(value) + b"\n"
        self._sha256.update(line)
        self._file.write(line)
        self.lines += 1

    def seal(self) -> None:
        self.write({"kind": "end", "lines": self.lines, "sha256": self._sha256.hexdigest()})


@contextmanager
def to_file(path: Path) -> Iterator[File]:
    """A neighbour, which takes the place of the file when all is written and on the disk; gzip where the name ends in
    .gz."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", suffix=".part", delete=False) as file:
        neighbour = Path(file.name)
        try:
            if path.suffix == ".gz":
                with gzip.GzipFile(filename="", fileobj=file, mode="wb", compresslevel=6, mtime=0) as packed:
                    yield packed
            else:
                yield file.file
            file.flush()
            os.fsync(file.fileno())
            neighbour.replace(path)
        finally:
            neighbour.unlink(missing_ok=True)


@contextmanager
def from_file(name: str) -> Iterator[tuple[File, int]]:
    """The file of that name, or standard input for `-`, and how many lines it has: when it is whole.

    Nothing is taken from a file before its end was seen, so standard input is kept on the disk meanwhile. Raises
    Unreadable.
    """
    with ExitStack() as stack:
        file: File
        if name == "-":
            file = stack.enter_context(tempfile.TemporaryFile())
            shutil.copyfileobj(sys.stdin.buffer, file)
            file.seek(0)
        else:
            file = stack.enter_context(Path(name).open("rb"))
        packed = file.read(len(GZIPPED)) == GZIPPED
        file.seek(0)
        if packed:
            file = stack.enter_context(gzip.GzipFile(fileobj=file))
        count = check_whole(file)
        file.seek(0)
        yield file, count


def check_whole(file: File) -> int:
    """The number of lines. Raises Unreadable."""
    last: Line | None = None
    sha256 = hashlib.sha256()
    for number, line in lines_of(file):
        if last is None:
            read_header(parse((number, line)))
        else:
            sha256.update(last[1])
        last = (number, line)
    if last is None:
        raise Unreadable("The file is empty.")
    number, line = last
    end = parse(last)
    if not isinstance(end, dict) or end.get("kind") != "end":
        raise Unreadable(f"Line {number}, the last one, does not end an export: the file is cut.")
    if end != {"kind": "end", "lines": number - 1, "sha256": sha256.hexdigest()}:
        raise Unreadable(f"Line {number}: the lines before it are not those that were written: their seal is broken.")
    return number


def lines_of(file: File) -> Iterator[Line]:
    """With their line feeds. Raises Unreadable."""
    number = 1
    try:
        while line := file.readline(MAX_LINE + 1):
            if len(line) > MAX_LINE:
                raise Unreadable(f"Line {number} has more than {MAX_LINE} bytes.")
            yield number, line
            number += 1
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise Unreadable(f"After line {number - 1}, what is compressed is damaged or cut: {error}.") from None


def parse(line: Line) -> Any:
    """Raises Unreadable."""
    number, text = line
    try:
        return json.loads(text.decode(), parse_constant=_refuse)
    except RecursionError:
        raise Unreadable(f"Line {number}: {TOO_DEEP}") from None
    except ValueError:
        raise Unreadable(f"Line {number} is not JSON in UTF-8.") from None


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
