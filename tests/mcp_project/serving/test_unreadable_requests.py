"""Requests on a real connection that gunicorn cannot read, and bodies that the service does not read."""

import http.client
import json
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from mcp_project.http.codes import CODES
from tests.support.server import Server, database_environment

pytestmark = pytest.mark.wire


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory, module_database: str) -> Iterator[Server]:
    """One server for all of these tests, which change nothing."""
    with Server(tmp_path_factory.mktemp("wire"), database_environment(module_database)) as server:
        yield server


def send(server: Server, request: bytes) -> http.client.HTTPResponse:
    address = urlsplit(server.url)
    with socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=30) as connection:
        connection.sendall(request)
        response = http.client.HTTPResponse(connection)
        response.begin()
        return response


START = b"GET /api/models HTTP/1.1\r\nHost: localhost\r\n"


@pytest.mark.parametrize(
    ("request_bytes", "status", "code"),
    [
        (b"rubbish\r\n\r\n", 400, "BAD_REQUEST"),
        (b"GET /api/models HTTP/9.9\r\n\r\n", 400, "BAD_REQUEST"),
        (b"get /api/models HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, "BAD_REQUEST"),
        (b"GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, "BAD_REQUEST"),
        (b"GET /" + b"x" * 5000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 414, "URI_TOO_LONG"),
        (START + b"X: " + b"x" * 9000 + b"\r\n\r\n", 431, "HEADERS_TOO_LARGE"),
        (START + b"".join(b"X-%d: x\r\n" % number for number in range(120)) + b"\r\n", 431, "HEADERS_TOO_LARGE"),
        (START + b"Expect: 200-ok\r\n\r\n", 417, "EXPECTATION_FAILED"),
        (START + b"Content-Length: -1\r\n\r\n", 400, "BAD_REQUEST"),
        (START + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n", 400, "BAD_REQUEST"),
        (START + b"Content-Type: application/json; charset=zlib\r\n\r\n", 401, "API_KEY_MISSING"),
        (START + b"no colon\r\n\r\n", 400, "BAD_REQUEST"),
        (START + b"Content-Length: 99999999999\r\nX-API-Key: x\r\n\r\n", 401, "INVALID_API_KEY"),
    ],
)
def test_unreadable_request_is_answered_in_the_shape(
    wire: Server, request_bytes: bytes, status: int, code: str
) -> None:
    response = send(wire, request_bytes)

    assert response.status == status
    assert response.headers["Content-Type"] == "application/json"
    body = json.loads(response.read())
    assert (body["code"], CODES[code].status) == (code, status)
    assert set(body) == {"detail", "code", "timestamp", "request_id"}


@pytest.mark.parametrize("charset", ["utf-16", "zlib", "punycode", "undefined", "no-such"])
def test_bodies_and_queries_are_utf_8_whatever_charset_is_named(wire: Server, charset: str) -> None:
    headers = {"Content-Type": f"application/json; charset={charset}"}
    with wire.client(wire.key) as client:
        assert client.get("/api/models?name=%C3%A9%FF", headers=headers).status_code == 200
        assert client.post("/api/models?x=%C3%A9", content=b'{"name": 7}', headers=headers).status_code == 400
        # Python's punycode takes time by the square of the length: minutes, which the client does not wait.
        refused = client.post("/api/models", content=b"{}-" + b"a" * 900_000, headers=headers)
        assert refused.json()["code"] == "MALFORMED_JSON"


def test_client_that_sends_too_much_reads_its_413_and_can_go_on(wire: Server) -> None:
    address = urlsplit(wire.url)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=30)
    headers = {"Authorization": f"Bearer {wire.key}", "Content-Type": "application/json"}

    for _ in range(3):
        connection.request("POST", "/api/models", b" " * 10_000_000, headers)
        refused = connection.getresponse()
        assert (refused.status, json.loads(refused.read())["code"]) == (413, "PAYLOAD_TOO_LARGE")
        connection.request("POST", "/api/models", b" " * 2_000_000, {"Content-Type": "application/json"})
        unknown = connection.getresponse()
        assert (unknown.status, json.loads(unknown.read())["code"]) == (401, "API_KEY_MISSING")
        connection.request("GET", "/api/models", headers=headers)
        answered = connection.getresponse()
        assert answered.status == 200
        answered.read()
    connection.close()


def test_answers_say_how_long_they_are(wire: Server) -> None:
    """Bodies without a Content-Length would be sent in chunks."""
    for path in ("/api/models", "/health", "/nothing", "/api/docs"):
        response = send(wire, f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert response.headers["Transfer-Encoding"] is None
        assert int(response.headers["Content-Length"]) == len(response.read())


@pytest.mark.parametrize(
    ("path", "with_key", "status"),
    [("/health", False, 200), ("/api/models", False, 401), ("/api/models", True, 200), ("/api/nothing", True, 404)],
)
def test_answer_to_head_has_no_body_and_the_length_of_one(wire: Server, path: str, with_key: bool, status: int) -> None:
    key = f"X-API-Key: {wire.key}\r\n" if with_key else ""

    answer = send(wire, f"HEAD {path} HTTP/1.1\r\nHost: localhost\r\n{key}\r\n".encode())

    assert (answer.status, int(answer.headers["Content-Length"]) > 0) == (status, True)
    assert "no-body response" not in wire.said()
