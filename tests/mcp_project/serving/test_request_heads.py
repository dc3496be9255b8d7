"""Decisions by a request's head, before its body has arrived."""

import json
import urllib.error
import urllib.request
from collections.abc import Callable

import pytest

from tests.support.scraping import Scrape
from tests.support.server import Server, until
from tests.support.sockets import connect, events_of, head, read_to_end

pytestmark = pytest.mark.wire

MISTYPED = "mcp_00000000.00000000000000000000000000000000000000"


def status_and_code(answer: bytes) -> tuple[int, str]:
    return int(answer.split(b" ", 2)[1]), json.loads(answer.partition(b"\r\n\r\n")[2])["code"]


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ([], 401, "API_KEY_MISSING"),
        (["X-API-Key: rubbish"], 401, "INVALID_API_KEY"),
        ([f"X-API-Key: {MISTYPED}"], 401, "INVALID_API_KEY"),
    ],
)
def test_key_that_cannot_be_right_is_refused_before_the_body_comes(
    site: Server, headers: list[str], status: int, code: str
) -> None:
    request = head(site, "POST", "/api/models", "Content-Length: 1000", "X-Request-ID: early", *headers, key=False)
    with connect(site) as sock:
        sock.sendall(request)
        assert status_and_code(read_to_end(sock)) == (status, code)


def test_known_wrong_and_revoked_keys_are_refused_before_the_body_comes(site: Server) -> None:
    with site.client(site.key) as admin:
        made = admin.post("/api/keys", json={"owner": "o", "name": "n", "permissions": ["read"]}).json()
        admin.delete(f"/api/keys/{made['id']}")
    headers = [f"X-API-Key: {made['key']}", "Content-Length: 1000"]

    def is_refused_early() -> bool:
        """Each worker decides by the head once it remembers the key; the first time it waits for the body, to look the
        key up once."""
        with connect(site) as sock:
            sock.sendall(head(site, "POST", "/api/models", *headers, key=False))
            sock.settimeout(0.3)
            try:
                return status_and_code(read_to_end(sock)) == (401, "API_KEY_REVOKED")
            except TimeoutError:
                sock.sendall(b" " * 1000)
                return False

    until(is_refused_early, "a worker knows the key")


def test_large_body_gets_its_413_on_a_connection_that_is_to_close(site: Server) -> None:
    """12 MiB, which urllib sends completely before it reads."""
    request = urllib.request.Request(  # noqa: S310
        f"{site.url}/api/models",
        data=b" " * (12 << 20),
        headers={"Authorization": f"Bearer {site.key}", "Content-Type": "application/json", "Connection": "close"},
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)  # noqa: S310
    assert refused.value.code == 413
    assert json.load(refused.value)["code"] == "PAYLOAD_TOO_LARGE"


def test_body_is_asked_for_when_its_client_waits_to_be_asked(site: Server) -> None:
    with connect(site) as sock:
        sock.sendall(
            head(site, "POST", "/api/test/echo", "Content-Length: 5", "Expect: 100-continue", "Connection: close")
        )
        assert sock.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(b"12345")
        assert read_to_end(sock).endswith(b"\r\n\r\n5")


def test_body_is_not_asked_for_when_its_request_is_refused(site: Server) -> None:
    with connect(site) as sock:
        sock.sendall(head(site, "POST", "/api/models", "Content-Length: 5", "Expect: 100-continue", key=False))
        assert status_and_code(read_to_end(sock)) == (401, "API_KEY_MISSING")


@pytest.mark.parametrize("cut", [1, 10, 40, 120])
def test_request_in_pieces_is_the_same_request(site: Server, cut: int) -> None:
    request = head(site, "POST", "/api/test/echo", "Content-Length: 30", "Connection: close") + b"x" * 30
    with connect(site) as sock:
        for begin in range(0, len(request), cut):
            sock.sendall(request[begin : begin + cut])
        assert read_to_end(sock).endswith(b"\r\n\r\n30")


def test_requests_sent_without_waiting_are_answered_in_their_order(site: Server) -> None:
    requests = b"".join(
        head(site, "POST", "/api/test/echo", f"Content-Length: {length}") + b"x" * length for length in range(1, 300)
    )
    with connect(site) as sock:
        sock.sendall(requests + head(site, "GET", "/health/live", "Connection: close"))
        bodies = [part.partition(b"\r\n\r\n")[2] for part in read_to_end(sock).split(b"HTTP/1.1 200 OK\r\n")[1:]]
    assert [int(body) for body in bodies[:-1]] == list(range(1, 300))


@pytest.mark.parametrize(
    ("request_of", "reason"),
    [
        (lambda _: b"rubbish\r\n\r\n", "malformed"),
        (lambda _: b"GET /" + b"x" * 5000 + b" HTTP/1.1\r\n\r\n", "uri_too_long"),
        (lambda site: head(site, "GET", "/", "X: " + "x" * 9000), "headers_too_large"),
        (
            lambda site: head(site, "GET", "/", *[f"X-{n}: {'x' * 8000}" for n in range(20)]),
            "headers_too_large",
        ),
        (lambda site: head(site, "GET", "/api/models", "Transfer-Encoding: xchunked"), "malformed"),
        (lambda site: head(site, "POST", "/api/models", "Content-Length: " + "9" * 5000), "malformed"),
        (lambda site: head(site, "POST", "/api/models", "Content-Length: 99999999"), "body_too_large"),
    ],
)
def test_what_the_loop_refuses_is_counted_by_reason_and_in_no_ledger(
    site: Server, request_of: Callable[[Server], bytes], reason: str
) -> None:
    def counted() -> float:
        with site.client(site.key) as client:
            return Scrape(client.get("/metrics").text)("mcp_http_refused_total", reason=reason)

    before = counted()
    with connect(site) as sock:
        sock.sendall(request_of(site))
        answer = read_to_end(sock)
    assert 400 <= int(answer.split(b" ", 2)[1]) < 500
    assert counted() == before + 1
    request_id = json.loads(answer.partition(b"\r\n\r\n")[2])["request_id"]
    assert f"X-Request-ID: {request_id}".encode() in answer
    assert events_of(site, request_id) == []


@pytest.mark.parametrize("query", ["", "?stream"])
def test_response_that_would_break_the_framing_is_a_fault(site: Server, query: str) -> None:
    name = f"breaks{query[1:]}"
    with site.client(site.key) as client:
        answer = client.get(f"/api/test/broken-header{query}", headers={"X-Request-ID": name})
        assert (answer.status_code, answer.json()["code"]) == (500, "INTERNAL_ERROR")
        assert client.get("/api/models").status_code == 200
    assert len(until(lambda: events_of(site, name), "the event is in the ledger")) == 1


def test_view_that_wants_to_end_the_process_ends_its_response_alone(site: Server) -> None:
    with site.client(site.key) as client:
        for _ in range(20):  # more often than there are threads
            assert client.get("/api/test/leaves").status_code == 500
        assert client.get("/api/models").status_code == 200


@pytest.mark.parametrize("status", [204, 304])
def test_response_without_a_body_names_no_length(site: Server, status: int) -> None:
    with site.client(site.key) as client:
        for _ in range(2):
            answer = client.get(f"/api/test/nothing?status={status}")
            assert answer.status_code == status
            assert "Content-Length" not in answer.headers
