"""The threads that run Django, and the bounded queue of requests that wait for one."""

import time
from collections import deque
from collections.abc import Callable
from itertools import count
from queue import SimpleQueue
from threading import Lock, Thread

import structlog

log = structlog.get_logger()

Job = Callable[[], None]

STUCK_SECONDS = 2.0  # a pool is stuck if each of its threads has been on one job for longer than this


class Pool:
    """A fixed number of threads, and a queue of at most `most_waiting` jobs that wait for one.

    Jobs start in the order of submission, with one exception: if there are several threads, changes use all but one of
    them, and at most half of the queue. Reads are therefore served while changes wait for a lock in the database.

    The threads are daemons, unlike those of concurrent.futures, so that a thread that hangs does not keep the process
    from exiting. Create a pool after the fork, since threads do not survive it.
    """

    def __init__(self, name: str, threads: int, most_waiting: int) -> None:
        self._most_waiting = most_waiting
        self._most_changes = max(1, threads - 1)  # that run at the same time
        self._started: list[float | None] = [None] * threads  # when each thread started its job; None: it is idle
        self._lock = Lock()
        self._numbers = count()
        self._reads: deque[tuple[int, Job]] = deque()
        self._changes: deque[tuple[int, Job]] = deque()
        self._running_changes = 0
        self._postponed = 0  # changes that a thread skipped because enough changes were running
        self._wake: SimpleQueue[None] = SimpleQueue()  # an item for each queued job that is not postponed
        for index in range(threads):
            Thread(target=self._work, args=(index,), name=f"{name}-{index}", daemon=True).start()

    def submit(self, job: Job, is_change: bool) -> bool:
        """Queue the job for the next free thread. Return False if the queue, or the half for changes, is full."""
        if self.waiting >= self._most_waiting or (is_change and len(self._changes) >= self._most_waiting // 2):
            return False
        (self._changes if is_change else self._reads).append((next(self._numbers), job))
        self._wake.put(None)
        return True

    @property
    def waiting(self) -> int:
        return len(self._reads) + len(self._changes)

    def load(self) -> str:
        """Describe the load for `/health`: begins with `ok` unless the queue is full or every thread is stuck."""
        started = [moment for moment in self._started if moment is not None]
        taken, threads, waiting = len(started), len(self._started), self.waiting
        state = f"{taken} of {threads} threads taken, {waiting} requests waiting"
        if waiting >= self._most_waiting:
            return f"queue full: {state}"
        if taken < threads:
            return "ok"
        stuck = time.monotonic() - max(started)
        return f"{state}; none was finished for {stuck:.0f} s" if stuck > STUCK_SECONDS else f"ok: {state}"

    def _work(self, index: int) -> None:
        while True:
            self._wake.get()
            self._started[index] = time.monotonic()
            job, is_change = self._next()
            try:
                if job is not None:
                    job()
            except Exception:  # no error may end the thread
                log.exception("thread_job_failed")
            finally:
                del job  # frees the request while this thread waits for the next
                self._started[index] = None
                if is_change:
                    self._end_change()

    def _next(self) -> tuple[Job | None, bool]:
        """Return the oldest job that may start, and whether it is a change."""
        with self._lock:
            may_change = self._running_changes < self._most_changes
            if self._changes and may_change and (not self._reads or self._changes[0][0] < self._reads[0][0]):
                self._running_changes += 1
                return self._changes.popleft()[1], True
            if self._reads:
                return self._reads.popleft()[1], False
            self._postponed += 1
            return None, False

    def _end_change(self) -> None:
        with self._lock:
            self._running_changes -= 1
            if self._postponed:
                self._postponed -= 1
                self._wake.put(None)


class Serving:
    """Holds the pool of this process for its health check; None in commands and tests, which serve no requests."""

    pool: Pool | None = None


def health() -> str:
    """Return the state of the check `threads` of `/health`."""
    return "ok" if Serving.pool is None else Serving.pool.load()
