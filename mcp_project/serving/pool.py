"""The threads that run Django, with a bounded queue before them."""

import time
from collections import deque
from collections.abc import Callable
from itertools import count
from queue import SimpleQueue
from threading import Lock, Thread

import structlog

log = structlog.get_logger()

Job = Callable[[], None]

STUCK_SECONDS = 2.0  # a pool whose every thread has been at one job for so long does not do its work


class Pool:
    """A fixed number of threads and the jobs that wait for one, at most `most_waiting`. Jobs begin in their order, but
    where there are several threads, one is always kept from changes, and half of the queue is: while all changes wait
    for a lock in the database, reads go on.

    The threads are daemons, unlike those of concurrent.futures: one that never returns must not keep the process from
    ending. To be made after the fork, since threads do not survive one.
    """

    def __init__(self, name: str, threads: int, most_waiting: int) -> None:
        self._most_waiting = most_waiting
        self._most_changes = max(1, threads - 1)  # at once
        self._begun: list[float | None] = [None] * threads  # when each thread began its job; None while it has none
        self._lock = Lock()
        self._numbers = count()
        self._reads: deque[tuple[int, Job]] = deque()
        self._changes: deque[tuple[int, Job]] = deque()
        self._running_changes = 0
        self._held_back = 0  # changes for which a thread came and that may not begin yet
        self._wake: SimpleQueue[None] = SimpleQueue()  # an item for each job that waits and is not held back
        for index in range(threads):
            Thread(target=self._work, args=(index,), name=f"{name}-{index}", daemon=True).start()

    def submit(self, job: Job, is_change: bool) -> bool:
        """Queue the job for the next free thread. False when the queue, or a change's half of it, is full."""
        if self.waiting >= self._most_waiting or (is_change and len(self._changes) >= self._most_waiting // 2):
            return False
        (self._changes if is_change else self._reads).append((next(self._numbers), job))
        self._wake.put(None)
        return True

    @property
    def waiting(self) -> int:
        return len(self._reads) + len(self._changes)

    def load(self) -> str:
        """One phrase for `/health`, which begins with `ok` unless requests are refused or none is finished."""
        begun = [moment for moment in self._begun if moment is not None]
        taken, threads, waiting = len(begun), len(self._begun), self.waiting
        state = f"{taken} of {threads} threads taken, {waiting} requests waiting"
        if waiting >= self._most_waiting:
            return f"queue full: {state}"
        if taken < threads:
            return "ok"
        stuck = time.monotonic() - max(begun)
        return f"{state}; none was finished for {stuck:.0f} s" if stuck > STUCK_SECONDS else f"ok: {state}"

    def _work(self, index: int) -> None:
        while True:
            self._wake.get()
            self._begun[index] = time.monotonic()
            job, is_change = self._next()
            try:
                if job is not None:
                    job()
            except Exception:  # whatever it is, the thread must live on
                log.exception("thread_job_failed")
            finally:
                del job  # and with it the request, while this thread waits for the next
                self._begun[index] = None
                if is_change:
                    self._end_change()

    def _next(self) -> tuple[Job | None, bool]:
        """The job that has waited longest of those that may begin, and whether it is a change."""
        with self._lock:
            changes_may = self._running_changes < self._most_changes
            if self._changes and changes_may and (not self._reads or self._changes[0][0] < self._reads[0][0]):
                self._running_changes += 1
                return self._changes.popleft()[1], True
            if self._reads:
                return self._reads.popleft()[1], False
            self._held_back += 1
            return None, False

    def _end_change(self) -> None:
        with self._lock:
            self._running_changes -= 1
            if self._held_back:
                self._held_back -= 1
                self._wake.put(None)


class Serving:
    """The pool of this process, for its health check. None where no worker serves, as in commands and tests."""

    pool: Pool | None = None


def health() -> str:
    """The check `threads` of `/health`."""
    return "ok" if Serving.pool is None else Serving.pool.load()
