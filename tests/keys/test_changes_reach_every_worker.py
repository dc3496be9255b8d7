"""A change of a key holds on every worker and every host within a second: two servers of four workers each."""

import http.client
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.server import Server, database_environment, until

pytestmark = pytest.mark.wire

HOLDS_WITHIN_SECONDS = 1.0  # the promise, not a speed: KEY_CACHE_SECONDS
ENOUGH = 100  # requests, so many that each of the eight workers has had some


@pytest.fixture
def hosts(database: str, tmp_path: Path) -> Iterator[list[Server]]:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    variables = database_environment(database)
    with (
        Server(tmp_path / "a", variables, "--workers", "4") as first,
        Server(tmp_path / "b", variables, "--workers", "4") as second,
    ):
        yield [first, second]


def answers_after(hosts: list[Server], key: str, change: Callable[[], None]) -> list[tuple[float, int]]:
    """Send requests from clients of both hosts without pause, each time over a new connection, so that they reach every
    worker. Yields for each request how long after the change's response it was sent, and its status."""
    asked: list[tuple[float, int]] = []
    done = threading.Event()

    def ask(host: str) -> None:
        while not done.is_set():
            sent = time.monotonic()
            connection = http.client.HTTPConnection(host, timeout=30)
            connection.request("GET", "/api/models?limit=1", headers={"X-API-Key": key})
            asked.append((sent, connection.getresponse().status))
            connection.close()

    threads = [threading.Thread(target=ask, args=(host.url.removeprefix("http://"),)) for host in hosts * 3]
    for thread in threads:
        thread.start()
    until(lambda: len(asked) >= ENOUGH, "every worker knows the key")
    change()
    changed = time.monotonic()
    promised = changed + HOLDS_WITHIN_SECONDS
    until(lambda: sum(sent > promised for sent, _ in asked[-2 * ENOUGH :]) >= ENOUGH, "they were asked again")
    done.set()
    for thread in threads:
        thread.join()
    return [(sent - changed, status) for sent, status in asked]


@pytest.mark.parametrize("change", ["revoke", "disable", "narrow rights", "narrow addresses"])
def test_change_holds_on_every_worker_of_every_host(hosts: list[Server], change: str) -> None:
    with hosts[0].client(hosts[0].key) as admin:
        new = {"name": "n", "owner": "o", "permissions": ["read"], "rate_limit": "1000000/s"}
        made = admin.post("/api/keys", json=new).json()
        url, any_version = f"/api/keys/{made['id']}", {"If-Match": "*"}

        def act() -> None:
            answer = {
                "revoke": lambda: admin.delete(url),
                "disable": lambda: admin.patch(url, json={"enabled": False}, headers=any_version),
                "narrow rights": lambda: admin.patch(url, json={"permissions": ["invoke"]}, headers=any_version),
                "narrow addresses": lambda: admin.patch(url, json={"allowed_ips": ["192.0.2.7"]}, headers=any_version),
            }[change]()
            assert answer.status_code in {200, 204}

        asked = answers_after(hosts, made["key"], act)

    refused = 403 if change == "narrow rights" else 401
    assert {status for after, status in asked if after > HOLDS_WITHIN_SECONDS} == {refused}
    assert {status for _, status in asked} == {200, refused}
