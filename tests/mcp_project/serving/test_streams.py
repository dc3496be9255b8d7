"""Responses that are sent while they are made."""

import re
import socket
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.support.server import Server, database_environment, until
from tests.support.sockets import SITE, clients, connect, events_of, head, read_some, read_to_end

pytestmark = pytest.mark.wire


@pytest.mark.parametrize("path", ["/api/test/made-by-thread", "/api/test/made-by-loop?parts=3"])
def test_stream_comes_whole_and_the_connection_goes_on(site: Server, path: str) -> None:
    with site.client(site.key) as client:
        for _ in range(2):
            answer = client.get(path)
            assert answer.headers["Transfer-Encoding"] == "chunked"
            expected = "x" * (64 << 20) if "thread" in path else "part 0\npart 1\npart 2\n"
            assert answer.text == expected


def test_http_1_0_gets_a_stream_without_chunks_and_its_end_by_closing(site: Server) -> None:
    with connect(site) as sock:
        sock.sendall(head(site, "GET", "/api/test/made-by-loop?parts=2").replace(b"HTTP/1.1", b"HTTP/1.0"))
        assert read_to_end(sock).endswith(b"\r\n\r\npart 0\npart 1\n")


def test_more_streams_than_threads_go_on_at_once_beside_other_requests(site: Server) -> None:
    request = head(site, "GET", "/api/test/made-by-loop?parts=100000")
    with clients(site, 60, request) as streams, site.client(site.key) as others:
        for stream in streams:
            read_some(stream, b"part 3\n")
        assert others.get("/api/models").status_code == 200


def test_failure_in_the_middle_is_seen_by_the_client_and_stands_in_the_ledger(site: Server) -> None:
    with site.client(site.key) as client, pytest.raises(httpx.TransportError):
        client.get("/api/test/made-by-loop?parts=5&fail=2", headers={"X-Request-ID": "fails"})

    [event] = until(lambda: events_of(site, "fails"), "the event is in the ledger")
    assert (event["status"], event["code"]) == (500, "INTERNAL_ERROR")


@pytest.mark.parametrize("path", ["/api/test/made-by-thread", "/api/test/made-by-loop?parts=100000"])
def test_client_that_leaves_ends_its_stream_which_is_in_the_ledger_once(site: Server, path: str) -> None:
    name = f"leaves-{path[-5:]}".replace("=", "")
    with connect(site) as sock:
        sock.sendall(head(site, "GET", path, f"X-Request-ID: {name}"))
        sock.recv(65536)

    [event] = until(lambda: events_of(site, name), "the event is in the ledger")
    assert event["status"] == 200
    assert event["response_bytes"] < 64 << 20


def test_whole_stream_is_in_the_ledger_though_the_server_is_killed_as_its_end_comes(
    tmp_path: Path, database: str
) -> None:
    with Server(tmp_path, {**database_environment(database), **SITE}) as server:
        key = server.key
        with connect(server) as sock:
            sock.sendall(head(server, "GET", "/api/test/made-by-loop?parts=2", "X-Request-ID: killed"))
            read_some(sock, b"\r\n0\r\n\r\n")
            server.kill()
        server.start()
        [event] = until(lambda: events_of(server, "killed", key), "the event is in the ledger")
        assert event["response_bytes"] == len("part 0\npart 1\n")


def revoke(admin: httpx.Client, key_id: str) -> None:
    assert admin.delete(f"/api/keys/{key_id}").status_code == 204


def disable(admin: httpx.Client, key_id: str) -> None:
    assert admin.patch(f"/api/keys/{key_id}", json={"enabled": False}, headers={"If-Match": "*"}).status_code == 200


def take_read_away(admin: httpx.Client, key_id: str) -> None:
    change = {"permissions": ["write"]}
    assert admin.patch(f"/api/keys/{key_id}", json=change, headers={"If-Match": "*"}).status_code == 200


@pytest.mark.parametrize("change", [revoke, disable, take_read_away])
@pytest.mark.parametrize("path", ["/api/test/made-by-loop?parts=100000", "/api/test/made-by-thread"])
def test_stream_is_cut_when_its_key_is_no_longer_good(
    site: Server, path: str, change: Callable[[httpx.Client, str], None]
) -> None:
    with site.client(site.key) as admin:
        made = admin.post("/api/keys", json={"owner": "o", "name": "n", "permissions": ["read"]}).json()
        request = head(site, "GET", path, key=False)[:-2] + f"X-API-Key: {made['key']}\r\n\r\n".encode()
        with connect(site, receive_buffer=4096) as sock:
            sock.sendall(request)
            read_some(sock, b"\r\n\r\n")
            change(admin, made["id"])
            sock.settimeout(0.5)

            def is_cut() -> bool:
                try:
                    return "thread" not in path and sock.recv(65536) == b""
                except TimeoutError:
                    return False
                except ConnectionResetError:
                    return True

            def is_cut_unread() -> bool:
                """The reader takes nothing, so that the stream is still going on when it is cut."""
                return sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0

            until(is_cut if "loop" in path else is_cut_unread, "the stream is cut")


def test_slow_reader_of_a_stream_costs_memory_within_a_bound(site: Server) -> None:
    """Ten responses of 64 MiB, which the clients do not read."""

    def resident() -> int:
        found = [re.findall(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text()) for pid in site.both_workers()]
        return sum(int(kibibytes) for [kibibytes] in found)

    before = resident()
    request = head(site, "GET", "/api/test/made-by-thread")
    with clients(site, 10, request, receive_buffer=4096) as streams, site.client(site.key) as others:
        for stream in streams:
            stream.recv(1000)
        for _ in range(8):  # of threads there are 8: when these are answered, some stream is made
            assert others.get("/api/models").status_code == 200
        assert resident() - before < 100 << 10  # KiB, of 640 MiB that were made
