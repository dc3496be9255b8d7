"""The threads of a worker, and the requests that wait for them."""

import random
import threading
from functools import partial

from mcp_project.serving.pool import Pool
from tests.support.server import until


def wait_for(gate: threading.Event) -> None:
    gate.wait()


def test_jobs_all_run_once_and_changes_never_take_all_threads() -> None:
    """4 threads, 2,000 jobs of a random kind; some changes last until others have come."""
    pool = Pool("test", threads=4, most_waiting=10_000)
    lock, done, running, most = threading.Lock(), list[int](), 0, 0

    def change(number: int) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        sum(range(random.randrange(2000)))
        with lock:
            running -= 1
            done.append(number)

    for number in range(2000):
        if random.random() < 0.5:
            assert pool.submit(lambda number=number: change(number), is_change=True)  # type: ignore[misc]
        else:
            assert pool.submit(lambda number=number: done.append(number), is_change=False)  # type: ignore[misc]
    until(lambda: len(done) == 2000, "all jobs are done")

    assert sorted(done) == list(range(2000))
    assert most <= 3
    assert pool.load() == "ok"


def test_changes_begin_in_their_order() -> None:
    pool, done, gate = Pool("test", threads=2, most_waiting=200), list[int](), threading.Event()
    pool.submit(partial(wait_for, gate), is_change=True)
    for number in range(50):
        pool.submit(lambda number=number: done.append(number), is_change=True)  # type: ignore[misc]
    gate.set()
    until(lambda: len(done) == 50, "all jobs are done")

    assert done == list(range(50))


def test_failing_job_costs_no_thread() -> None:
    pool, done = Pool("test", threads=1, most_waiting=100), list[int]()

    def fail() -> None:
        raise RuntimeError("a fault")

    for _ in range(5):
        pool.submit(fail, is_change=True)
    pool.submit(lambda: done.append(1), is_change=True)
    until(lambda: done, "the job after them is done")


def test_full_queue_takes_no_job() -> None:
    pool, gate = Pool("test", threads=1, most_waiting=2), threading.Event()
    pool.submit(partial(wait_for, gate), is_change=False)
    until(lambda: pool.waiting == 0, "the thread is taken")

    assert [pool.submit(lambda: None, is_change=False) for _ in range(3)] == [True, True, False]
    assert pool.load().startswith("queue full: 1 of 1 threads taken, 2 requests waiting")
    gate.set()


def test_changes_leave_half_of_the_queue_to_reads() -> None:
    pool, gate = Pool("test", threads=1, most_waiting=4), threading.Event()
    pool.submit(partial(wait_for, gate), is_change=True)
    until(lambda: pool.waiting == 0, "the thread is taken")

    assert [pool.submit(lambda: None, is_change=True) for _ in range(3)] == [True, True, False]
    assert [pool.submit(lambda: None, is_change=False) for _ in range(3)] == [True, True, False]
    gate.set()
