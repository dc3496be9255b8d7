"""More requests than there are threads: some wait, some are refused at once, and health checks are answered."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from select import select
from typing import Any

import httpx
import pytest

from mcp_project.serving.connection import State
from mcp_project.serving.worker import BODIES_BYTES, UNSENT_BYTES, WAITING_PER_THREAD, LoopWorker
from tests.support.server import Server, database_environment, until
from tests.support.sockets import SITE, clients, connect, events_of, head, read_to_end

pytestmark = pytest.mark.wire

THREADS = 2


@pytest.fixture
def one_worker(tmp_path: Path, database: str) -> Iterator[Server]:
    variables = {**database_environment(database), **SITE, "APP_THREADS": str(THREADS)}
    with Server(tmp_path, variables, "--workers", "1") as server:
        yield server
        go(server)


def came(server: Server) -> int:
    file = server.folder / "var" / "came"
    return file.stat().st_size if file.exists() else 0


def go(server: Server) -> None:
    (server.folder / "var" / "go").touch()


def threads_check(server: Server) -> str:
    return str(httpx.get(f"{server.url}/health", timeout=30).json()["checks"]["threads"])


def test_request_waits_while_all_threads_are_taken_and_health_says_so(one_worker: Server) -> None:
    request = head(one_worker, "GET", "/api/test/wait", "Connection: close")
    with clients(one_worker, THREADS + 1, request) as waiting:
        until(lambda: came(one_worker) == THREADS, "all threads are taken")
        until(lambda: "2 of 2 threads taken, 1 requests waiting" in threads_check(one_worker), "the third waits")
        until(lambda: "none was finished for" in threads_check(one_worker), "it is noticed that they are stuck")
        assert httpx.get(f"{one_worker.url}/health", timeout=30).status_code == 503
        assert httpx.get(f"{one_worker.url}/health/live", timeout=30).status_code == 200
        go(one_worker)
        assert [read_to_end(sock)[-4:] for sock in waiting] == [b"gone"] * (THREADS + 1)
    assert threads_check(one_worker) == "ok"


def test_changes_that_all_wait_leave_a_thread_for_reads(one_worker: Server) -> None:
    request = head(one_worker, "POST", "/api/test/wait", "Connection: close")
    with clients(one_worker, 3 * THREADS, request) as waiting, one_worker.client(one_worker.key) as others:
        until(lambda: came(one_worker) == THREADS - 1, "changes have all threads that they get")
        for _ in range(20):
            assert others.get("/api/models").status_code == 200
        assert came(one_worker) == THREADS - 1
        go(one_worker)
        assert [read_to_end(sock)[-4:] for sock in waiting] == [b"gone"] * 3 * THREADS
    assert came(one_worker) == 3 * THREADS


def test_request_whose_client_leaves_while_it_waits_is_not_run(one_worker: Server) -> None:
    key = one_worker.key
    with clients(one_worker, THREADS, head(one_worker, "GET", "/api/test/wait")):
        until(lambda: came(one_worker) == THREADS, "all threads are taken")
        body = b'{"name": "never"}'
        headers = ["Content-Type: application/json", f"Content-Length: {len(body)}"]
        with connect(one_worker) as sock:
            sock.sendall(head(one_worker, "POST", "/api/models", *headers) + body)
            until(lambda: "1 requests waiting" in threads_check(one_worker), "it waits")
        with connect(one_worker) as sock:  # behind it, and read by the loop after it
            sock.sendall(head(one_worker, "GET", "/api/models", "Connection: close"))
            until(lambda: "2 requests waiting" in threads_check(one_worker), "it waits behind")
            go(one_worker)
            assert b'"results":[]' in read_to_end(sock)
    with one_worker.client(key) as client:
        assert client.get("/api/models").json()["results"] == []


def test_full_queue_is_503_at_once_with_retry_after(one_worker: Server) -> None:
    limit = WAITING_PER_THREAD * THREADS
    request = head(one_worker, "GET", "/api/test/wait")
    with clients(one_worker, THREADS, request) as _, ExitStack() as stack:
        until(lambda: came(one_worker) == THREADS, "all threads are taken")
        stack.enter_context(clients(one_worker, limit, request))
        until(lambda: threads_check(one_worker).startswith("queue full"), "the queue is full")
        with one_worker.client(one_worker.key) as client:
            refused = client.get("/api/models")
        assert (refused.status_code, refused.json()["code"]) == (503, "OVERLOADED")
        assert int(refused.headers["Retry-After"]) >= 1
        assert httpx.get(f"{one_worker.url}/health", timeout=30).status_code == 503
        assert httpx.get(f"{one_worker.url}/health/live", timeout=30).status_code == 200
        go(one_worker)
    until(lambda: threads_check(one_worker) == "ok", "all that waited are answered")


def test_bodies_in_flight_share_a_bound(tmp_path: Path, database: str) -> None:
    """100 clients have each sent all of a MiB but its last byte: 64 MiB are held, past which 503 is the answer."""
    with Server(tmp_path, {**database_environment(database), **SITE}, "--workers", "1") as server:
        size, held = 1 << 20, BODIES_BYTES >> 20
        start = head(server, "POST", "/api/test/echo", f"Content-Length: {size}", "Connection: close")
        with clients(server, 100, start + b"x" * (size - 1)) as socks:
            until(lambda: len(select(socks, [], [], 0)[0]) == 100 - held, "those past the bound are answered")
            refused = select(socks, [], [], 0)[0]
            assert {read_to_end(sock).split(b" ", 2)[1] for sock in refused} == {b"503"}
            for sock in set(socks) - set(refused):
                sock.sendall(b"x")
                assert read_to_end(sock).endswith(f"\r\n\r\n{size}".encode())
        with server.client(server.key) as client:
            assert client.post("/api/test/echo", content=b"x" * size).text == str(size)


def test_responses_that_nobody_takes_are_ended_until_the_rest_is_within_the_bound() -> None:
    """A page of as much as many parts of streams ends as many of them, those that began first."""
    ended = []

    class Writing:
        state, unsent_bytes = State.WRITING, 0

        def __init__(self, since: int) -> None:
            self.since = since

        def abort(self) -> None:
            ended.append(self.since)

    worker: Any = LoopWorker.__new__(LoopWorker)
    worker._unsent_bytes = 0
    writing = [Writing(since) for since in range(16)]
    worker.connections = {Writing(16), *writing}
    for connection in reversed(writing):
        worker.count_unsent(connection, UNSENT_BYTES // 16)
    assert ended == []
    worker.count_unsent(Writing(17), UNSENT_BYTES // 4)
    assert ended == [0, 1, 2, 3]


def test_bodies_that_are_held_back_keep_no_others_out(tmp_path: Path, database: str) -> None:
    """They have the whole bound, without a key; what comes later is taken, and the first of them refused."""
    with Server(tmp_path, {**database_environment(database), **SITE}, "--workers", "1") as server:
        size, count = 1 << 20, BODIES_BYTES >> 20
        start = head(server, "POST", "/admin/login/", f"Content-Length: {size}", key=False)
        with clients(server, count, start + b"x" * (size - 1)) as socks, server.client(server.key) as others:
            for _ in range(10):
                assert others.post("/api/test/echo", content=b"x" * size).text == str(size)
            assert read_to_end(socks[0]).startswith(b"HTTP/1.1 503 ")


def test_worker_lives_on_when_it_has_no_files_left(tmp_path: Path, database: str) -> None:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        server = Server(tmp_path, {**database_environment(database), **SITE}, "--workers", "1")
        server.start()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    try:
        before = server.worker_pids()
        with clients(server, 600, b"GET / HT"), server.client(server.key) as others:
            for _ in range(20):
                assert others.get("/api/models", headers={"Connection": "close"}).status_code == 200
        assert server.worker_pids() == before
        assert events_of(server, "none") == []
    finally:
        server.stop()
