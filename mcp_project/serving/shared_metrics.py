"""Adds up the metrics of all worker processes, by prometheus_client's multi-process mode with three corrections.

Each worker counts in memory-mapped files of its own, and a scrape adds up the files of all workers. The files are in a
folder that the server creates when it starts: on a file system in memory if there is one, so that counting never waits
for the disk. The library has three shortcomings, which are corrected here:

- It writes to sparse files. Filling a hole on a full disk raises SIGBUS, which kills the process: see SolidDict.
- It names files by pid, so that each worker that was killed leaves one behind: see free_slot.
- It cannot tell whether a folder is in use or left by a killed server: here the server holds a lock on its folder.
"""

import fcntl
import itertools
import os
import shutil
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import structlog
from prometheus_client import values
from prometheus_client.mmap_dict import MmapedDict

log = structlog.get_logger()

PREFIX = "mcp-metrics-"
UNLOCKED_PREFIX = ".mcp-metrics-"  # until the folder is locked: one with PREFIX and no lock is removed as a leftover
FIRST_BYTES = 1 << 16
MASTER = "master"  # the slot of gunicorn's master process, which counts nothing


class State:
    """Where this process counts."""

    folder: Path | None = None  # the server's folder; None: there is no server, and metrics stay in the process
    lock: int | None = None  # descriptor of the locked folder; the lock lasts until all processes of the server end
    slot = MASTER  # the name of this process's files


state = State()


def share() -> None:
    """Create the folder in which this process and its workers will count. Call it before any metric is created.

    Raises OSError if no folder can be written.
    """
    for place in (Path("/dev/shm"), Path(tempfile.gettempdir())):  # noqa: S108  (the folder is made private)
        remove_leftovers(place)
        try:
            state.folder, state.lock = make_folder(place)
            break
        except OSError as error:
            failure = error
    else:
        raise failure
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(state.folder)
    values.MmapedDict = SolidDict  # type: ignore[attr-defined]
    values.ValueClass = values.MultiProcessValue(lambda: state.slot)  # type: ignore[no-untyped-call]


def unshare() -> None:
    """Remove this server's folder. Call it when the last worker has ended."""
    if state.folder is not None:
        shutil.rmtree(state.folder, ignore_errors=True)


def free_slot(taken: Iterable[int]) -> int:
    """Return the lowest number that no running worker has.

    A new worker continues the files of the dead one whose slot it gets. No count is lost, and there are never more
    files than there were workers at the same time.
    """
    others = set(taken)
    return next(slot for slot in itertools.count() if slot not in others)


def count_in(slot: int) -> None:
    """Make this process count in the files of its slot."""
    state.slot = str(slot)


def make_folder(place: Path) -> tuple[Path, int]:
    """Create a private folder with a first file, and return it with the descriptor that holds its lock."""
    unlocked = Path(tempfile.mkdtemp(prefix=UNLOCKED_PREFIX, dir=place))  # with mode 0700
    try:
        make_solid(unlocked / f"counter_{MASTER}.db")
        lock = os.open(unlocked, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(lock, fcntl.LOCK_EX)
        return unlocked.rename(place / f"{PREFIX}{uuid4().hex}"), lock
    except OSError:
        shutil.rmtree(unlocked, ignore_errors=True)
        raise


def remove_leftovers(place: Path) -> None:
    """Remove the folders of servers that were killed together with all their workers."""
    for path in place.glob(f"{PREFIX}*"):
        # OSError: another user's, not a folder (any user may write to /tmp), in use, or removed meanwhile.
        with suppress(OSError):
            folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                if os.fstat(folder).st_uid == os.geteuid():
                    fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(path)
            finally:
                os.close(folder)


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
        file = os.open(incomplete, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            lengthen(file, FIRST_BYTES)
        finally:
            os.close(file)
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
