"""Load on a real server: many requests at once, or so many a second."""

import http.client
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from tests.support.server import Server

CLIENTS = 400


class Answer(NamedTuple):
    sent: float  # on time.monotonic's clock
    status: int
    outage: str | None  # the mode that the answer names


def ask(connection: http.client.HTTPConnection, key: str, path: str = "/api/models?limit=1") -> Answer:
    sent = time.monotonic()
    connection.request("GET", path, headers={"X-API-Key": key})
    response = connection.getresponse()
    response.read()
    return Answer(sent, response.status, response.headers["X-RateLimit-Outage"])


def connect(server: Server) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=60)


def storm(servers: Sequence[Server], key: str, count: int) -> list[Answer]:
    """`count` requests from CLIENTS clients at once, spread over the servers; each request on a connection of its own,
    so that it may reach any worker."""
    start = threading.Barrier(CLIENTS)

    def client(number: int) -> list[Answer]:
        server = servers[number % len(servers)]
        start.wait()
        answers = []
        for _ in range(number, count, CLIENTS):
            connection = connect(server)
            answers.append(ask(connection, key))
            connection.close()
        return answers

    with ThreadPoolExecutor(CLIENTS) as pool:
        return [answer for answers in pool.map(client, range(CLIENTS)) for answer in answers]


def steady(server: Server, key: str, per_second: float, seconds: float, clients: int = 4) -> list[Answer]:
    """So many requests a second, evenly, for so long; later than planned rather than left out."""
    begin = time.monotonic()

    def client(number: int) -> list[Answer]:
        connection = connect(server)
        answers = []
        for step in range(number, round(per_second * seconds), clients):
            time.sleep(max(0.0, begin + step / per_second - time.monotonic()))
            answers.append(ask(connection, key))
        connection.close()
        return answers

    with ThreadPoolExecutor(clients) as pool:
        return [answer for answers in pool.map(client, range(clients)) for answer in answers]
