"""The store of the counters goes away under load, hangs, and comes back: real servers, and a store of their own."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from mcp_project.database.embedded_postgres import EmbeddedPostgres
from tests.support.load import Answer, ask, connect, storm
from tests.support.redis_server import RedisServer
from tests.support.server import Server, database_environment, embedded_environment, until

pytestmark = pytest.mark.wire

MODES = ["closed", "open", "local"]
WORKERS = 4


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    """One that may be stopped."""
    with RedisServer() as running:
        yield running


def serve(folder: Path, variables: dict[str, str], mode: str) -> Server:
    return Server(folder, {**variables, "THROTTLE_ON_OUTAGE": mode}, "--workers", str(WORKERS))


def new_key(server: Server, **fields: Any) -> str:
    """Made once the limiter is well for the request that makes it."""

    def make() -> str:
        with server.client(server.key) as admin:
            made = admin.post("/api/keys", json={"name": "n", "owner": "o", "permissions": ["read"], **fields})
        return str(made.json()["key"]) if made.status_code == 201 else ""

    return until(make, "a key can be made")


@contextmanager
def load(server: Server, keys: list[str]) -> Iterator[list[Answer]]:
    """Yield the responses so far of four clients a key, which send without pause, each time over a new connection, so
    that they reach every worker."""
    answers: list[Answer] = []
    done = threading.Event()

    def client(key: str) -> None:
        while not done.is_set():
            connection = connect(server)
            answers.append(ask(connection, key))
            connection.close()

    threads = [threading.Thread(target=client, args=(key,)) for key in keys * 4]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        done.set()
        for thread in threads:
            thread.join()


def since(answers: list[Answer], moment: float) -> list[Answer]:
    return [answer for answer in list(answers) if answer.sent > moment]


def logged(server: Server, event: str) -> int:
    return sum(json.loads(line).get("event") == event for line in server.said().splitlines() if line.startswith("{"))


def goes_away(answers: list[Answer], stop: Callable[[], None], enough: int) -> list[Answer]:
    """Stop the store under load, and return the responses to requests that were sent after that, once there are
    enough."""
    until(lambda: len(answers) >= 100, "there is load")
    stop()
    stopped = time.monotonic()
    until(lambda: len(since(answers, stopped)) >= enough, "the outage has been felt")
    return since(answers, stopped)


def comes_back(server: Server, answers: list[Answer], start: Callable[[], None]) -> None:
    """Start the store. Soon a hundred answers in a row, from every worker, know of no outage."""
    start()
    until(lambda: {(one.status, one.outage) for one in list(answers)[-100:]} == {(200, None)}, "the limits hold again")


@pytest.mark.parametrize("mode", MODES)
def test_redis_is_stopped_and_started_under_load(mode: str, redis: RedisServer, database: str, tmp_path: Path) -> None:
    variables = {**database_environment(database), "REDIS_URL": redis.url}
    with serve(tmp_path, variables, mode) as server:
        busy = new_key(server, rate_limit="1000000/s")
        with load(server, [busy]) as answers:
            during = goes_away(answers, redis.stop, 300)
            promised = {"closed": (503, "closed"), "open": (200, "open"), "local": (200, "local")}[mode]
            assert {(answer.status, answer.outage) for answer in during} == {promised}
            comes_back(server, answers, redis.start)

        assert {answer.status for answer in answers} <= {200, 503}
        for event in ("limiter_store_lost", "limiter_store_back"):
            assert 1 <= logged(server, event) <= WORKERS, "once a worker, not once a request"
        assert [answer.status for answer in storm([server], new_key(server, rate_limit="100/d"), 400)].count(200) == 100


def test_local_admits_each_worker_its_share_and_a_key_may_choose_another_mode(
    redis: RedisServer, database: str, tmp_path: Path
) -> None:
    variables = {**database_environment(database), "REDIS_URL": redis.url}
    with serve(tmp_path, variables, "local") as server:
        limited = new_key(server, rate_limit="100/d")
        careful = new_key(server, on_outage="closed")
        careless = new_key(server, rate_limit="1/d", on_outage="open")
        redis.stop()

        shared = storm([server], limited, 400)
        assert {answer.status for answer in shared} == {200, 429}
        assert 25 <= sum(answer.status == 200 for answer in shared) <= 100
        assert {answer.outage for answer in shared} == {"local"}
        assert {(answer.status, answer.outage) for answer in storm([server], careful, 40)} == {(503, "closed")}
        assert {(answer.status, answer.outage) for answer in storm([server], careless, 40)} == {(200, "open")}


@pytest.mark.parametrize("mode", MODES)
def test_redis_that_hangs_holds_up_a_request_now_and_then_and_no_others(
    mode: str, redis: RedisServer, database: str, tmp_path: Path
) -> None:
    variables = {**database_environment(database), "REDIS_URL": redis.url}
    with serve(tmp_path, variables, mode) as server:
        busy = new_key(server, rate_limit="1000000/s")
        with load(server, [busy]) as answers:
            during = goes_away(answers, redis.freeze, 100)
            assert {answer.status for answer in during} <= {503 if mode == "closed" else 200}
            health = httpx.get(f"{server.url}/health", timeout=10)
            comes_back(server, answers, redis.thaw)

    assert (health.status_code, health.json()["checks"]["limiter"]) == {
        "closed": (503, "unreachable"),
        "open": (200, "ok: the counters are away, the mode is open"),
        "local": (200, "ok: the counters are away, the mode is local"),
    }[mode]


@pytest.mark.parametrize("mode", MODES)
def test_postgresql_is_stopped_and_started_under_load(mode: str, tmp_path: Path) -> None:
    cluster = EmbeddedPostgres(tmp_path / "postgres")
    with ExitStack() as stack:
        cluster.start()
        stack.callback(cluster.release)
        variables = {**embedded_environment(), "DB_HOST": str(cluster.socket_dir), "DB_NAME": "outage", "REDIS_URL": ""}
        server = stack.enter_context(serve(tmp_path, variables, mode))
        busy = new_key(server, rate_limit="1000000/s")
        with load(server, [busy]) as answers:
            during = goes_away(answers, cluster.stop, 300)
            # Without the database there is nothing to serve, in whichever mode: no key can be looked up, no model read.
            assert {answer.status for answer in during} == {503}
            assert {answer.outage for answer in during} <= {None, mode}
            comes_back(server, answers, cluster._start)

        assert {answer.status for answer in answers} == {200, 503}
        assert logged(server, "limiter_store_lost") <= WORKERS
        assert [answer.status for answer in storm([server], new_key(server, rate_limit="100/d"), 400)].count(200) == 100


def test_server_starts_while_redis_is_away_and_uses_it_once_it_is_there(
    redis: RedisServer, database: str, tmp_path: Path
) -> None:
    redis.stop()
    with serve(tmp_path, {**database_environment(database), "REDIS_URL": redis.url}, "open") as server:
        key = new_key(server, rate_limit="100/d")
        assert {answer.outage for answer in storm([server], key, 40)} == {"open"}

        redis.start()
        until(lambda: {answer.outage for answer in storm([server], server.key, 40)} == {None}, "the workers use it")
        # A worker that none of these requests reached admits one uncounted request before it notices.
        decided = [answer.status for answer in storm([server], key, 400) if answer.outage is None]
        assert decided.count(200) == 100
