"""Sums the metrics of all worker processes, by prometheus_client's multi-process mode.

Each worker counts in memory-mapped files of its own, and a scrape sums the files of all workers. The files are in a
folder that the server creates when it starts: on a file system in memory if there is one, so that counting never waits
for the disk. A lock marks the folder as in use, so that folders of killed servers can be removed.
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

from mcp_project.patches.prometheus_client import count_in_files, make_solid

PREFIX = "mcp-metrics-"
UNLOCKED_PREFIX = ".mcp-metrics-"  # until the folder is locked: one with PREFIX and no lock is removed as a leftover
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
    count_in_files(lambda: state.slot)


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
