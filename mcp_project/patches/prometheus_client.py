"""prometheus_client: its files of numbers, one a worker, which a scrape adds up.

It makes files with holes and writes to them through memory: filling a hole on a full disk is a SIGBUS, which kills the
process. And it names files by the worker's pid, so each worker that is killed would leave some behind.
"""

import os
from collections.abc import Callable
from pathlib import Path

import structlog
from prometheus_client import values
from prometheus_client.mmap_dict import MmapedDict

from mcp_project.patches import Part

log = structlog.get_logger()

FIRST_BYTES = 1 << 16


def parts() -> list[Part]:
    return [
        *(Part(values, name) for name in ("ValueClass", "MutexValue", "MultiProcessValue", "MmapedDict")),
        Part(MmapedDict, "_init_value"),
        *(Part(MmapedDict, name, method="__init__") for name in ("_used", "_capacity", "_f")),
    ]


def count_in_files(slot: Callable[[], str]) -> None:
    """From here on, numbers are in the files of PROMETHEUS_MULTIPROC_DIR that are named by `slot`."""
    values.MmapedDict = SolidDict  # type: ignore[attr-defined]
    values.ValueClass = values.MultiProcessValue(slot)  # type: ignore[no-untyped-call]


def count_in_memory() -> None:
    """From here on, numbers are this process's own, whatever PROMETHEUS_MULTIPROC_DIR says."""
    values.ValueClass = values.MutexValue


class SolidDict(MmapedDict):
    """A MmapedDict whose file has no holes, so that a full disk raises OSError instead of SIGBUS.

    The error is raised to the caller that adds a new series.
    """

    def __init__(self, filename: str, read_mode: bool = False) -> None:
        try:
            make_solid(Path(filename))
        except OSError as error:
            if not hasattr(os, "memfd_create"):  # exists on Linux, where production runs
                raise
            # There is no room for this worker's files. It counts in memory that no scrape reads, and serves requests.
            log.error("metrics_not_shared", error=str(error))
            filename = f"/proc/self/fd/{os.memfd_create('metrics')}"
        super().__init__(filename, read_mode)  # type: ignore[no-untyped-call]

    def _init_value(self, key: str) -> None:
        longest = len(key.encode()) + 32  # the most that an entry takes: length, key, padding and two numbers
        if self._used + longest > self._capacity:
            lengthen(self._f.fileno(), 2 * self._capacity)  # the library is about to extend the file with a hole
        super()._init_value(key)  # type: ignore[no-untyped-call]


def make_solid(path: Path) -> None:
    """Create the file without holes, unless it exists. A scrape reads all files, so it is renamed when complete."""
    if path.exists():
        return
    incomplete = path.with_suffix(".new")
    try:
        with incomplete.open("wb") as file:
            lengthen(file.fileno(), FIRST_BYTES)
        incomplete.rename(path)
    except OSError:
        incomplete.unlink(missing_ok=True)
        raise


def lengthen(file: int, size: int) -> None:
    """Extend the file to `size` by writing zeros. Raises OSError if they do not fit; the file then stays as it was."""
    before = length = os.fstat(file).st_size
    try:
        while length < size:
            length += os.pwrite(file, bytes(size - length), length)
    except OSError:
        os.ftruncate(file, before)
        raise
