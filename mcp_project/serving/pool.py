"""The threads that run Django, with a bounded queue before them."""

import time
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread

import structlog

log = structlog.get_logger()

Job = Callable[[], None]

STUCK_SECONDS = 2.0  # a pool whose every thread has been at one job for so long does not do its work


class Pool:
    """A fixed number of threads and the jobs that wait for one, at most `most_waiting`.

    The threads are daemons, unlike those of concurrent.futures: one that never returns must not keep the process from
    ending. To be made after the fork, since threads do not survive one.
    """

    def __init__(self, name: str, threads: int, most_waiting: int) -> None:
        self._jobs: SimpleQueue[Job] = SimpleQueue()
        self._most_waiting = most_waiting
        self._begun: list[float | None] = [None] * threads  # when each thread began its job; None while it has none
        for index in range(threads):
            Thread(target=self._work, args=(index,), name=f"{name}-{index}", daemon=True).start()

    def submit(self, job: Job) -> bool:
        """Queue the job for the next free thread. False when the queue is full."""
        if self._jobs.qsize() >= self._most_waiting:
            return False
        self._jobs.put(job)
        return True

    def load(self) -> str:
        """One phrase for `/health`, which begins with `ok` unless requests are refused or none is finished."""
        begun = [moment for moment in self._begun if moment is not None]
        taken, threads, waiting = len(begun), len(self._begun), self._jobs.qsize()
        if taken < threads:
            return "ok"
        state = f"all {threads} threads taken, {waiting} requests waiting"
        if waiting >= self._most_waiting:
            return f"queue full: {state}"
        stuck = time.monotonic() - max(begun)
        return f"{state}; none was finished for {stuck:.0f} s" if stuck > STUCK_SECONDS else f"ok: {state}"

    def _work(self, index: int) -> None:
        while True:
            job = self._jobs.get()
            self._begun[index] = time.monotonic()
            try:
                job()
            except Exception:  # whatever it is, the thread must live on
                log.exception("thread_job_failed")
            finally:
                self._begun[index] = None
                del job  # and with it the request, while this thread waits for the next


class Serving:
    """The pool of this process, for its health check. None where no worker serves, as in commands and tests."""

    pool: Pool | None = None


def health() -> str:
    """The check `threads` of `/health`."""
    return "ok" if Serving.pool is None else Serving.pool.load()
