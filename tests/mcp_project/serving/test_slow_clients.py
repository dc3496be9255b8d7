"""Clients that hold what a service has few of. Others are answered all the same."""

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.support.server import Server, until
from tests.support.sockets import clients, connect, head, read_to_end

pytestmark = pytest.mark.wire

OTHERS = 40
OTHERS_SECONDS = 6.0  # within which each of the others is answered: far above what it takes, far below any deadline


def half_a_request_line(_server: Server) -> bytes:
    return b"GET /api/mod"


def headers_without_an_end(server: Server) -> bytes:
    return head(server, "GET", "/api/models")[:-2]


def half_of_a_health_check(_server: Server) -> bytes:
    return b"GET /health"


def half_of_a_scrape(_server: Server) -> bytes:
    return b"GET /metrics HTTP/1.1\r\n"


def body_without_a_key(server: Server) -> bytes:
    return head(server, "POST", "/api/models", "Content-Type: application/json", "Content-Length: 100", key=False)


def body_with_a_key(server: Server) -> bytes:
    return head(
        server, "POST", "/api/models", "Content-Type: application/json", "Content-Length: 100", "Idempotency-Key: a"
    )


def large_response_that_is_not_read(server: Server) -> bytes:
    return head(server, "GET", "/api/test/large")


def stream_that_is_not_read(server: Server) -> bytes:
    return head(server, "GET", "/api/test/made-by-loop?parts=100000")


def nothing(_server: Server) -> bytes:
    return b""


KINDS = [
    half_a_request_line,
    headers_without_an_end,
    half_of_a_health_check,
    half_of_a_scrape,
    body_without_a_key,
    body_with_a_key,
    large_response_that_is_not_read,
    stream_that_is_not_read,
    nothing,
]
ANSWERED = [large_response_that_is_not_read, stream_that_is_not_read]


@pytest.mark.parametrize("count", [12, 40, 400])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_others_are_answered_beside_slow_clients(site: Server, kind: Callable[[Server], bytes], count: int) -> None:
    with (
        clients(site, count, kind(site), receive_buffer=4096) as slow,
        httpx.Client(timeout=OTHERS_SECONDS) as others,
    ):
        if kind in ANSWERED:
            for sock in slow:  # it is the client's turn then: before, there was work to do for it
                sock.recv(1)
        authorized = {"Authorization": f"Bearer {site.key}"}
        for number in range(OTHERS):
            path = ("/api/models", "/health", "/health/live", "/metrics")[number % 4]
            answer = others.get(
                site.url + path, headers={**authorized, "Connection": ("close", "keep-alive")[number % 2]}
            )
            assert answer.status_code == 200


def test_body_that_never_comes_is_told_so_in_the_error_shape(site: Server) -> None:
    request = head(site, "POST", "/api/test/echo", "Content-Length: 10")
    with connect(site) as sock:
        sock.sendall(request + b"12345")
        answer = read_to_end(sock)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"code": "REQUEST_TIMEOUT"' in answer


def test_head_that_drips_is_ended_however_often_a_byte_comes(site: Server) -> None:
    with connect(site) as sock:
        sock.sendall(b"GET /api/models HTTP/1.1\r\nX: ")
        sock.settimeout(0.2)
        answer = b""

        def is_told() -> bool:
            nonlocal answer
            try:
                sock.sendall(b"x")
                answer += sock.recv(65536)
            except TimeoutError:
                return False
            return answer.startswith(b"HTTP/1.1 408 ")

        until(is_told, "the head's deadline is over")


def test_reader_that_is_too_slow_is_ended(site: Server) -> None:
    """The rate decides: this client makes progress all the time."""
    with connect(site, receive_buffer=4096) as sock:
        sock.sendall(head(site, "GET", "/api/test/made-by-thread"))
        sock.settimeout(5)

        def is_ended() -> bool:
            try:
                return sock.recv(100) == b""
            except ConnectionError:
                return True

        until(is_ended, "the server has given the reader up")


def test_more_connections_than_there_may_be_are_ended_for_those_that_follow(tmp_path: Path, database: str) -> None:
    from tests.support.server import database_environment
    from tests.support.sockets import SITE

    with Server(tmp_path, {**database_environment(database), **SITE}, "--workers", "1") as server:
        with clients(server, 1100, b"GET /"), httpx.Client(timeout=OTHERS_SECONDS) as others:
            for _ in range(OTHERS):
                headers = {"Authorization": f"Bearer {server.key}", "Connection": "close"}
                assert others.get(f"{server.url}/api/models", headers=headers).status_code == 200
        assert len(server.worker_pids()) == 1
