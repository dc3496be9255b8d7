"""A server with the views of `site`, and clients that behave as libraries do not."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from urllib.parse import urlsplit

from tests.support.server import Server

SITE = {"DJANGO_SETTINGS_MODULE": "tests.support.site_settings", "DEFAULT_RATE_LIMIT": "100000/s"}


def connect(server: Server, receive_buffer: int | None = None) -> socket.socket:
    address = urlsplit(server.url)
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if receive_buffer is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    sock.settimeout(30)
    sock.connect((str(address.hostname), int(address.port or 0)))
    return sock


@contextmanager
def clients(
    server: Server, count: int, request: bytes, receive_buffer: int | None = None
) -> Iterator[list[socket.socket]]:
    """So many connections, which have sent these bytes and send nothing more."""
    with ExitStack() as stack:
        opened = []
        for _ in range(count):
            sock = stack.enter_context(connect(server, receive_buffer))
            sock.sendall(request)
            opened.append(sock)
        yield opened


def head(server: Server, method: str, path: str, *headers: str, key: bool = True) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *headers]
    if key:
        lines.append(f"Authorization: Bearer {server.key}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def read_to_end(sock: socket.socket) -> bytes:
    received = b""
    while part := sock.recv(65536):
        received += part
    return received


def read_some(sock: socket.socket, wanted: bytes) -> bytes:
    """The bytes that are received until `wanted` has come."""
    received = b""
    while wanted not in received:
        part = sock.recv(65536)
        assert part, received[-200:]
        received += part
    return received


def events_of(server: Server, request_id: str, key: str | None = None) -> list[dict[str, Any]]:
    """The events of a request, as far as they are in the ledger."""
    with server.client(key or server.key) as client:
        events: list[dict[str, Any]] = client.get("/api/usage/events", params={"request_id": request_id}).json()[
            "results"
        ]
        return events
