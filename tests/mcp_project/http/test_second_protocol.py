"""A protocol that one package and one line of the settings add: tests/support/tiny. It is authenticated, limited,
metered, logged and explained as the service's own is, and its errors have its own shape."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.support.api import Api
from tests.support.server import Server, count, database_environment, database_of, until
from tests.support.sockets import clients, connect, events_of, head, read_some, read_to_end

ORIGIN = "https://console.example"
SETTINGS = {
    "DJANGO_SETTINGS_MODULE": "tests.support.tiny.settings",
    "DEFAULT_RATE_LIMIT": "100000/s",
    "CORS_ALLOWED_ORIGINS": ORIGIN,
}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory, module_database: str) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("tiny"), {**database_environment(module_database), **SETTINGS}) as server:
        yield server


@pytest.fixture(scope="module")
def admin(tiny: Server) -> Iterator[httpx.Client]:
    with tiny.client(tiny.key) as client:
        yield client


def new_key(admin: httpx.Client, *permissions: str, **fields: Any) -> dict[str, Any]:
    made = admin.post("/api/keys", json={"owner": "o", "name": "n", "permissions": permissions or ["read"], **fields})
    assert made.status_code == 201, made.text
    return dict(made.json())


def error_of(response: httpx.Response) -> dict[str, Any]:
    """The error, in the protocol's own shape."""
    body = response.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"type", "message", "id"}
    assert body["error"]["id"] == response.headers["X-Request-ID"]
    return dict(body["error"])


def event(server: Server, request_id: str) -> dict[str, Any]:
    """The request's only row in the ledger."""
    [row] = until(lambda: events_of(server, request_id), "the event is in the ledger")
    return row


def test_request_is_authenticated_metered_and_logged(tiny: Server, admin: httpx.Client) -> None:
    response = admin.get("/tiny/hello/", headers={"X-Request-ID": "hello"})

    assert (response.status_code, response.json()) == (200, {"hello": "admin"})
    assert "RateLimit" in response.headers
    row = event(tiny, "hello")
    assert (row["route"], row["status"], row["code"]) == ("tiny-hello", 200, "")
    assert row["response_bytes"] == len(response.content)
    lines = [json.loads(line) for line in tiny.said().splitlines() if '"hello"' in line and line.startswith("{")]
    assert [(line["protocol"], line["path"]) for line in lines] == [("tiny", "/tiny/hello/")]


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer nonsense"}])
def test_request_without_a_key_gets_401_in_the_protocols_shape(tiny: Server, headers: dict[str, str]) -> None:
    name = f"no-key-{len(headers)}"
    with tiny.client() as outsider:
        response = outsider.get("/tiny/hello", headers={"X-Request-ID": name, **headers})

    code = "INVALID_API_KEY" if headers else "API_KEY_MISSING"
    assert response.status_code == 401
    assert error_of(response)["type"] == code.lower()
    assert "WWW-Authenticate" in response.headers
    row = event(tiny, name)
    assert (row["route"], row["status"], row["code"]) == ("tiny-hello", 401, code)


def test_open_path_takes_no_key_and_is_not_metered(tiny: Server) -> None:
    with tiny.client() as outsider:
        assert outsider.get("/tiny/about").json() == {"protocol": "tiny"}


def test_request_above_the_rate_gets_429_in_the_protocols_shape(tiny: Server, admin: httpx.Client) -> None:
    with tiny.client(new_key(admin, rate_limit="1/d")["key"]) as caller:
        assert caller.get("/tiny/hello").headers["X-RateLimit-Remaining"] == "0"
        response = caller.get("/tiny/hello")

    assert response.status_code == 429
    assert error_of(response)["type"] == "rate_limit_exceeded"
    for name in ("Retry-After", "RateLimit", "RateLimit-Policy", "X-RateLimit-Remaining"):
        assert name in response.headers


def test_body_limit_is_the_rows_and_the_routes(tiny: Server, admin: httpx.Client) -> None:
    """1000 bytes for the protocol, 3 MiB for one of its routes; MAX_BODY_BYTES is 1 MiB."""
    for path, size in (("/tiny/echo", 1000), ("/tiny/upload", 3 << 20), ("/tiny/upload/", 3 << 20)):
        taken = admin.post(path, content=b"x" * size)
        assert (taken.status_code, taken.text) == (200, str(size))
        refused = admin.post(path, content=b"x" * (size + 1))
        assert refused.status_code == 413
        assert error_of(refused)["type"] == "payload_too_large"


def test_body_limit_holds_without_the_event_loop(owner: Api, settings: Any) -> None:
    """The middleware enforces it, too: for servers other than ours."""
    settings.PROTOCOLS = [*settings.PROTOCOLS, "tests.support.tiny.TINY"]
    settings.TINY_MAX_BODY_BYTES, settings.TINY_MAX_UPLOAD_BYTES = 1000, 3 << 20
    settings.ROOT_URLCONF = "tests.support.tiny.root_urls"

    for path, size in (("/tiny/echo", 1000), ("/tiny/upload", 3 << 20)):
        assert owner.post(path, b"x" * size).content == str(size).encode()
        refused = owner.post(path, b"x" * (size + 1))
        assert (refused.status_code, refused.json()["error"]["type"]) == (413, "payload_too_large")


def test_body_in_chunks_gets_411_in_the_protocols_shape(tiny: Server, admin: httpx.Client) -> None:
    response = admin.post("/tiny/echo", content=iter([b"x"]))

    assert response.status_code == 411
    assert error_of(response)["type"] == "length_required"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/tiny/nothing", 404, "NOT_FOUND"),
        ("DELETE", "/tiny/hello", 405, "METHOD_NOT_ALLOWED"),
        ("GET", "/tiny/fails", 500, "INTERNAL_ERROR"),
        ("GET", "/tiny/hello?x=%00", 400, "VALIDATION_ERROR"),
    ],
)
def test_error_has_the_protocols_shape_and_its_code_is_in_the_ledger(
    tiny: Server, admin: httpx.Client, method: str, path: str, status: int, code: str
) -> None:
    response = admin.request(method, path, headers={"X-Request-ID": f"error-{status}"})

    assert response.status_code == status
    assert error_of(response)["type"] == code.lower()
    row = event(tiny, f"error-{status}")
    assert (row["status"], row["code"]) == (status, code)
    assert row["route"] == ("unmatched" if status == 404 else "tiny-fails" if status == 500 else "tiny-hello")


def test_permission_is_refused_in_the_protocols_shape(tiny: Server, admin: httpx.Client) -> None:
    with tiny.client(new_key(admin, "invoke")["key"]) as caller:
        response = caller.get("/tiny/hello")

    assert (response.status_code, error_of(response)["type"]) == (403, "permission_denied")


@pytest.mark.parametrize("path", ["/tiny/hello", "/tiny/terse/hello"])
def test_browser_of_an_allowed_origin_may_call(tiny: Server, path: str) -> None:
    with tiny.client() as browser:
        preflight = browser.options(path, headers={"Origin": ORIGIN, "Access-Control-Request-Method": "GET"})

    assert preflight.status_code == 200
    assert preflight.headers["Access-Control-Allow-Origin"] == ORIGIN


@pytest.mark.parametrize("path", ["/tiny/terse/nothing", "/tiny/terse/hello"])
def test_longest_prefix_wins(tiny: Server, path: str) -> None:
    with tiny.client() as outsider:
        response = outsider.get(path, headers={"X-Request-ID": "terse"})

    assert (response.status_code, response.json()) == (418, {"oops": "API_KEY_MISSING", "id": "terse"})


def test_exception_of_a_route_applies_to_it_alone(tiny: Server, admin: httpx.Client) -> None:
    refused = admin.delete("/tiny/terse-hello")

    assert (refused.status_code, refused.json()["oops"]) == (418, "METHOD_NOT_ALLOWED")
    assert admin.delete("/tiny/hello").status_code == 405


def test_stream_is_recorded_at_its_end_with_what_was_sent(tiny: Server, admin: httpx.Client) -> None:
    with admin.stream("GET", "/tiny/stream?parts=40", headers={"X-Request-ID": "stream"}) as response:
        parts = response.iter_bytes()
        received = next(parts)
        assert events_of(tiny, "stream") == []
        received += b"".join(parts)

    assert received == b"".join(b"part %d\n" % number for number in range(40))
    row = event(tiny, "stream")
    assert (row["route"], row["status"], row["response_bytes"]) == ("tiny-stream", 200, len(received))


def test_stream_that_fails_is_recorded_with_the_failure(tiny: Server, admin: httpx.Client) -> None:
    with pytest.raises(httpx.TransportError):
        admin.get("/tiny/breaks", headers={"X-Request-ID": "breaks"})

    row = event(tiny, "breaks")
    assert (row["route"], row["status"], row["code"]) == ("tiny-breaks", 500, "INTERNAL_ERROR")
    assert row["response_bytes"] == len(b"part 0\npart 1\n")


def test_stream_is_cut_when_its_key_is_revoked(tiny: Server, admin: httpx.Client) -> None:
    key = new_key(admin)
    request = head(tiny, "GET", "/tiny/stream?parts=100000", f"X-API-Key: {key['key']}", key=False)
    with connect(tiny) as sock:
        sock.sendall(request)
        read_some(sock, b"part 3\n")
        assert admin.delete(f"/api/keys/{key['id']}").status_code == 204
        sock.settimeout(0.5)

        def is_cut() -> bool:
            try:
                return sock.recv(65536) == b""
            except TimeoutError:
                return False
            except ConnectionResetError:
                return True

        until(is_cut, "the stream is cut")


def test_more_long_streams_than_connections_go_on_and_none_holds_a_transaction(
    tiny: Server, admin: httpx.Client
) -> None:
    request = head(tiny, "GET", "/tiny/stream?parts=100000")
    with clients(tiny, 60, request) as streams, database_of(tiny) as session:
        for stream in streams:
            read_some(stream, b"part 3\n")
        assert admin.get("/api/models").status_code == 200
        statement = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'"
        assert count(session, statement) == 0


def test_long_stream_of_a_thread_holds_no_connection(admin: httpx.Client) -> None:
    assert admin.get("/tiny/thread").text == "not connected"


def test_long_route_refuses_an_idempotency_key(admin: httpx.Client) -> None:
    response = admin.post("/tiny/stream", headers={"Idempotency-Key": "k"})

    assert response.status_code == 400
    assert error_of(response)["type"] == "validation_error"
    assert "Idempotency-Key" in error_of(response)["message"]
    assert admin.post("/tiny/stream").status_code == 200


def test_other_route_takes_an_idempotency_key(admin: httpx.Client) -> None:
    first, again = (admin.post("/tiny/echo", content=b"xyz", headers={"Idempotency-Key": "e"}) for _ in range(2))

    assert (first.text, again.text, again.headers["Idempotency-Replayed"]) == ("3", "3", "true")


def test_http_1_0_client_gets_the_stream_too(tiny: Server) -> None:
    with connect(tiny) as sock:
        sock.sendall(head(tiny, "GET", "/tiny/stream?parts=2").replace(b"HTTP/1.1", b"HTTP/1.0"))
        assert read_to_end(sock).endswith(b"\r\n\r\npart 0\npart 1\n")


@pytest.mark.parametrize(
    ("method", "path", "size", "refused_by", "status"),
    [
        ("GET", "/tiny/hello", None, None, None),
        ("GET", "/tiny/plain/you", None, None, None),
        ("GET", "/tiny/nothing", None, "route", 404),
        ("DELETE", "/tiny/about", None, "method", 405),
        ("POST", "/tiny/echo", None, "permission", 403),
        ("POST", "/tiny/echo", 1001, "body", 413),
        ("GET", "/tiny/terse/nothing", None, "route", 418),
        ("GET", "/tiny/about", None, None, None),
    ],
)
def test_explain_says_what_a_request_gets(
    admin: httpx.Client, method: str, path: str, size: int | None, refused_by: str | None, status: int | None
) -> None:
    key = new_key(admin)  # which may read
    query = {"method": method, "path": path} | ({} if size is None else {"content_length": str(size)})

    told = admin.get(f"/api/keys/{key['id']}/explain", params=query).json()

    assert (told["refused_by"], told["status"]) == (refused_by, status)


def test_usage_knows_its_routes(admin: httpx.Client) -> None:
    for route in ("tiny-hello", "terse-hello"):
        assert admin.get("/api/usage", params={"route": route}).status_code == 200
    assert admin.get("/api/usage", params={"route": "tiny-about"}).status_code == 400


def test_openapi_document_has_what_is_documented(admin: httpx.Client) -> None:
    document = admin.get("/api/schema").json()

    tiny = {path for path in document["paths"] if path.startswith("/tiny")}
    assert tiny == {"/tiny/terse/hello"}
    assert "4XX" not in document["paths"]["/tiny/terse/hello"]["get"]["responses"]
