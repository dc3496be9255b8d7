"""Every answered request is in the ledger exactly once: with real processes, killed."""

import os
import signal
import threading
from collections import Counter
from typing import Any

import httpx
import psycopg

from mcp_project.database import connection_parameters
from tests.server import Server, until


def ledger(server: Server) -> Counter[str]:
    with psycopg.connect(**{**connection_parameters(), "dbname": server.variables["DB_NAME"]}) as session:
        return Counter(row[0] for row in session.execute("SELECT request_id FROM usage_event"))


class Load:
    """Clients that ask one after the other until told to stop, and remember which answers they received."""

    def __init__(self, server: Server, clients: int) -> None:
        self.received: list[str] = []
        self._server = server
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(number,)) for number in range(clients)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, number: int) -> None:
        with self._server.client(self._server.key) as client:
            count = 0
            while not self._stop.is_set():
                count += 1
                request_id = f"client-{number}-{count}"
                try:
                    client.get("/api/models?limit=1", headers={"X-Request-ID": request_id})
                except httpx.TransportError:
                    continue
                self.received.append(request_id)


def test_books_balance_when_workers_are_killed(server: Server, db: Any) -> None:
    with Load(server, clients=4) as load:
        for kill in range(5):
            until(lambda count=50 * (kill + 1): len(load.received) >= count, "load arrives")  # type: ignore[misc]
            victim = until(server.worker_pids, "there are workers")[0]
            os.kill(victim, signal.SIGKILL)

    assert server.stop() == 0
    counted = ledger(server)
    assert set(load.received) <= set(counted), "each answer that a client received is in the ledger"
    assert {request_id: count for request_id, count in counted.items() if count != 1} == {}


def test_books_balance_when_the_whole_server_is_killed_and_started_again(server: Server, db: Any) -> None:
    with Load(server, clients=2) as load:
        until(lambda: len(load.received) >= 100, "load arrives")
        server.kill()

    server.start()
    until(lambda: set(load.received) <= set(ledger(server)), "the next start drains what the killed one left")
    assert set(ledger(server).values()) == {1}


def test_sigterm_drains_the_journal(server: Server, db: Any) -> None:
    with server.client(server.key) as client:
        for number in range(20):
            client.get("/api/models", headers={"X-Request-ID": f"last-{number}"})

    assert server.stop() == 0
    assert {f"last-{number}" for number in range(20)} <= set(ledger(server))
    assert list((server.folder / "var/usage").iterdir()) == []
