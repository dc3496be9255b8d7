"""The metrics of several worker processes as one: prometheus_client's multi-process form, made fit for this service.

Each worker counts in files of its own, which it maps into memory, and a scrape adds up the files of all. They lie in a
folder of this server's start: where there is one on a file system in memory, so that the disk has no part in it. What
the library leaves open is here:

- It writes to files with holes, and to fill a hole on a full disk is a SIGBUS, which kills the process: SolidDict.
- It names files by pid, so that there is another with every worker that was killed: slots.
- It cannot tell a folder that is in use from one that a killed server left: a lock, as on the usage journals.
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
UNBORN = ".mcp-metrics-"  # until it is locked: what has PREFIX and no lock is a dead server's
FIRST_BYTES = 1 << 16
MASTER = "master"  # the slot of gunicorn's first process, which counts nothing


class State:
    """Of this process."""

    folder: Path | None = None  # its server's; None where there is no server, and metrics stay in the process
    lock: int | None = None  # on the folder, as long as any process of the server lives
    slot = MASTER


state = State()


def share() -> None:
    """Make this process the first of a server whose workers count together. Before anything is counted.

    Raises OSError when there is nowhere to write.
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
    """Remove this server's files, when its last worker has ended."""
    if state.folder is not None:
        shutil.rmtree(state.folder, ignore_errors=True)


def free_slot(taken: Iterable[int]) -> int:
    """The lowest that no living worker has. Whoever takes over a dead worker's counts on from where it stopped: so no
    count is lost, and there are no more files than there were workers at one time."""
    others = set(taken)
    return next(slot for slot in itertools.count() if slot not in others)


def count_in(slot: int) -> None:
    """From here on, this process counts in the files of a slot that is its own."""
    state.slot = str(slot)


def make_folder(place: Path) -> tuple[Path, int]:
    """A private folder with room for a file, and the descriptor that holds its lock."""
    unborn = Path(tempfile.mkdtemp(prefix=UNBORN, dir=place))  # of mode 0700
    try:
        make_solid(unborn / f"counter_{MASTER}.db")
        lock = os.open(unborn, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(lock, fcntl.LOCK_EX)
        return unborn.rename(place / f"{PREFIX}{uuid4().hex}"), lock
    except OSError:
        shutil.rmtree(unborn, ignore_errors=True)
        raise


def remove_leftovers(place: Path) -> None:
    """The folders of servers that were killed with all their workers."""
    for path in place.glob(f"{PREFIX}*"):
        # Not ours, not a folder (the place is everybody's), in use, or just removed by somebody else.
        with suppress(OSError):
            found = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                if os.fstat(found).st_uid == os.geteuid():
                    fcntl.flock(found, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(path)
            finally:
                os.close(found)


class SolidDict(MmapedDict):
    """A file of numbers, all of whose blocks there are before they are written to through memory. A disk that is full
    is an OSError, to whoever counts something for the first time."""

    def __init__(self, filename: str, read_mode: bool = False) -> None:
        try:
            make_solid(Path(filename))
        except OSError as error:
            if not hasattr(os, "memfd_create"):  # on anything but Linux, where nobody runs this in production
                raise
            # No room for another worker's files. It counts where no scrape finds it, and does its work.
            log.error("metrics_not_shared", error=str(error))
            filename = f"/proc/self/fd/{os.memfd_create('metrics')}"
        super().__init__(filename, read_mode)  # type: ignore[no-untyped-call]

    def _init_value(self, key: str) -> None:
        longest = len(key.encode()) + 32  # that the entry can be, with its length, its padding and its two numbers
        if self._used + longest > self._capacity:
            lengthen(self._f.fileno(), 2 * self._capacity)  # as the library is about to, with a hole
        super()._init_value(key)  # type: ignore[no-untyped-call]


def make_solid(path: Path) -> None:
    """Unless it is there. It has another name until it is whole: a scrape reads what it finds."""
    if path.exists():
        return
    unborn = path.with_suffix(".new")
    try:
        file = os.open(unborn, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            lengthen(file, FIRST_BYTES)
        finally:
            os.close(file)
        unborn.rename(path)
    except OSError:
        unborn.unlink(missing_ok=True)
        raise


def lengthen(file: int, size: int) -> None:
    """With zeros that are written, not left out; as it was where they do not fit."""
    before = length = os.fstat(file).st_size
    try:
        while length < size:
            length += os.pwrite(file, bytes(size - length), length)
    except OSError:
        os.ftruncate(file, before)
        raise
