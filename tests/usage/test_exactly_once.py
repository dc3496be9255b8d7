"""Every response is in the ledger exactly once, whichever process is killed or unavailable, at any moment."""

import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mcp_project.database.embedded_postgres import EmbeddedPostgres
from tests.support.recorded_load import (
    Load,
    assert_books_balance,
    assert_exactly_once,
    kill_a_worker,
    ledger,
    linger_in_writes,
    midst_of_a_drain,
    until_drained,
)
from tests.support.server import Server, embedded_environment, until

pytestmark = pytest.mark.wire


@pytest.fixture
def chance() -> random.Random:
    """The same in each run: as far as the choice goes, not what it meets."""
    return random.Random(4)


def test_books_balance_when_workers_are_killed(server: Server, chance: random.Random, db: Any) -> None:
    linger_in_writes(server)
    with Load([server]) as load:
        for _ in range(20):
            load.goes_on(chance.randint(1, 400))
            kill_a_worker(server, chance)
        load.goes_on(50)

    assert server.stop() == 0
    assert load.broken, "the kills met requests in flight"
    assert_exactly_once(load, ledger(server), kills=20)
    assert_books_balance(server)


def test_books_balance_when_the_whole_server_is_killed_and_started_again(
    server: Server, chance: random.Random, db: Any
) -> None:
    linger_in_writes(server)
    with Load([server]) as load:
        for _ in range(3):
            load.goes_on(chance.randint(300, 1000))
            with midst_of_a_drain(server, chance):
                server.kill()
            server.start()
        load.goes_on(50)

    until_drained(server, load)
    assert server.stop() == 0
    assert_exactly_once(load, ledger(server), kills=3 * 3)  # each of them of a master and two workers, one by one
    assert_books_balance(server)


@pytest.fixture
def two_servers(server: Server, tmp_path: Path) -> Iterator[list[Server]]:
    """On one database, with a folder each."""
    folder = tmp_path / "second"
    folder.mkdir()
    with Server(folder, server.variables) as second:
        yield [server, second]


def test_books_balance_when_workers_of_two_servers_are_killed(
    two_servers: list[Server], chance: random.Random, db: Any
) -> None:
    first, second = two_servers
    linger_in_writes(first)
    with Load(two_servers) as load:
        for _ in range(10):
            load.goes_on(chance.randint(1, 400))
            kill_a_worker(chance.choice(two_servers), chance)
        load.goes_on(50)

    until_drained(first, load)
    assert [first.stop(), second.stop()] == [0, 0]
    assert_exactly_once(load, ledger(first), kills=10)
    for server in two_servers:
        assert_books_balance(server)


def test_books_balance_when_the_database_is_away_for_ten_seconds(cluster: EmbeddedPostgres, tmp_path: Path) -> None:
    variables = {**embedded_environment(), "DB_HOST": str(cluster.socket_dir), "DB_NAME": "outage"}
    with Server(tmp_path, variables) as server:
        linger_in_writes(server)
        with Load([server], pause=0.02) as load:
            load.goes_on(200)
            cluster.stop()
            back = time.monotonic() + 10
            until(lambda: time.monotonic() > back, "ten seconds have passed: not a wait, but what is tested")
            load.goes_on(1, status=503)
            cluster.revive()
            load.goes_on(50, status=200)

        until_drained(server, load)
        assert server.stop() == 0
        assert_exactly_once(load, ledger(server), kills=0)
        assert_books_balance(server)


def test_sigterm_drains_the_journal(server: Server, db: Any) -> None:
    with Load([server]) as load:
        load.goes_on(20)

    assert server.stop() == 0
    assert_exactly_once(load, ledger(server), kills=0)
    assert list((server.folder / "var/usage").iterdir()) == []
    assert_books_balance(server)
