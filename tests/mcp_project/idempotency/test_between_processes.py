"""Idempotency-Key between workers, and through kill -9: real servers."""

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import LiteralString

import httpx
import pytest

from tests.support.server import Server, at_once, count, database_of, until

pytestmark = pytest.mark.wire

CLIENTS = 6
REPEATS = 16
KILLS = 6
COMMITTING = """SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
    AND wait_event = 'PgSleep' AND query = 'COMMIT'"""
WAITING = "SELECT count(*) >= 4 FROM pg_locks WHERE NOT granted"
WRITING = """SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
    AND wait_event = 'PgSleep' AND query LIKE 'INSERT%'"""


def linger(server: Server) -> None:
    """Let each new key take its time, twice: where it is written, and where its transaction is committed. So a kill may
    strike before and after the point of no return."""
    with database_of(server) as session:
        session.execute("""
            CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS
                'BEGIN PERFORM pg_sleep(random() * 0.1); RETURN NULL; END';
            CREATE TRIGGER linger_in_write AFTER INSERT ON keys_apikey
                FOR EACH ROW EXECUTE FUNCTION linger();
            CREATE CONSTRAINT TRIGGER linger_in_commit AFTER INSERT ON keys_apikey
                DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION linger();
        """)


def test_of_many_repeats_at_once_one_is_done_and_all_are_answered_alike(server: Server) -> None:
    server.both_workers()

    def register() -> httpx.Response:
        with server.client(server.key) as client:
            return client.post("/api/models", json={"name": "m"}, headers={"Idempotency-Key": "a"})

    with database_of(server) as session, ThreadPoolExecutor(1) as pool:
        with session.transaction():
            session.execute("LOCK TABLE registry_registeredmodel")
            coming = pool.submit(at_once, REPEATS, register)
            until(partial(count, session, WAITING), "the first waits for the table, and three for the first")
        answers = coming.result()

    assert {(answer.status_code, answer.content, answer.headers["Location"]) for answer in answers} == {
        (201, answers[0].content, answers[0].headers["Location"])
    }
    assert ["Idempotency-Replayed" in answer.headers for answer in answers].count(False) == 1
    with server.client(server.key) as client:
        assert [model["name"] for model in client.get("/api/models").json()["results"]] == ["m"]


def test_of_many_repeats_at_once_the_next_one_is_done_when_the_first_fails(server: Server) -> None:
    """The row of each request is there, uncommitted, while the others come; the first three are rolled back."""
    with database_of(server) as session:
        session.execute("""
            CREATE SEQUENCE attempts;
            CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS
                'BEGIN IF nextval(''attempts'') < 4 THEN RAISE query_canceled; END IF; RETURN NULL; END';
            CREATE TRIGGER fail AFTER INSERT ON keys_apikey FOR EACH ROW EXECUTE FUNCTION fail();
        """)
    new = {"name": "n", "owner": "o", "permissions": ["read"]}

    def make() -> httpx.Response:
        with server.client(server.key) as client:
            return client.post("/api/keys", json=new, headers={"Idempotency-Key": "a"})

    answers = at_once(REPEATS, make)

    assert sorted(answer.status_code for answer in answers) == [201] * (REPEATS - 3) + [503] * 3
    assert len({answer.json()["key"] for answer in answers if answer.status_code == 201}) == 1
    with server.client(server.key) as client:
        assert len(client.get("/api/keys?owner=o").json()["results"]) == 1


class Makers:
    """`with Makers(server, key) as makers:` has CLIENTS make one key after the other, each request repeated until it is
    answered, until the block ends."""

    def __init__(self, server: Server, key: str) -> None:
        self._server, self._key = server, key
        self._stop = threading.Event()
        self.made: dict[str, httpx.Response] = {}  # by the name
        self.broken = 0

    def __enter__(self) -> "Makers":
        self._pool = ThreadPoolExecutor(CLIENTS)
        self._running = [self._pool.submit(self._run, number) for number in range(CLIENTS)]
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._pool.shutdown()
        for client in self._running:
            client.result()

    def go_on(self, answers: int) -> None:
        """Wait for so many more."""
        enough = len(self.made) + answers
        until(lambda: len(self.made) >= enough, f"{answers} more are made")

    def _run(self, number: int) -> None:
        made = 0
        while not self._stop.is_set():
            until(partial(self._ask, f"{number}-{made}"), f"request {number}-{made} is answered")
            made += 1

    def _ask(self, name: str) -> bool:
        """Whether the response is the expected one."""
        new = {"name": name, "owner": "made", "permissions": ["read"]}
        try:
            with self._server.client(self._key) as client:
                answer = client.post("/api/keys", json=new, headers={"Idempotency-Key": name})
        except httpx.TransportError:
            self.broken += 1
            return False
        assert answer.status_code in {201, 409, 503}, answer.text
        assert answer.status_code != 409 or answer.json()["code"] == "IDEMPOTENCY_KEY_IN_USE"
        if answer.status_code == 201:
            self.made[name] = answer
        return answer.status_code == 201


def kill_both_workers(server: Server, seen: LiteralString) -> None:
    """Run the block while another transaction waits there."""
    victims = server.both_workers()
    with database_of(server) as session:
        until(partial(count, session, seen), "somebody lingers")
        for pid in victims:
            os.kill(pid, signal.SIGKILL)
    until(lambda: not set(victims) & set(server.worker_pids()), "the killed workers are gone")


def test_each_request_is_done_once_when_workers_are_killed(server: Server) -> None:
    new = {"name": "maker", "owner": "maker", "permissions": ["admin"], "rate_limit": "1000000/s"}
    with server.client(server.key) as client:
        maker = client.post("/api/keys", json=new).json()["key"]
    linger(server)
    with Makers(server, maker) as makers:
        for number in range(KILLS):
            makers.go_on(CLIENTS)
            kill_both_workers(server, COMMITTING if number % 2 else WRITING)

    assert makers.broken, "the kills met requests in flight"
    with database_of(server) as session:
        rows = session.execute("SELECT name, id::text, prefix FROM keys_apikey WHERE owner = 'made'").fetchall()
        audited = session.execute("SELECT object_id FROM audit_entry WHERE action = 'create'").fetchall()
    answered = {(name, made.json()["id"], made.json()["prefix"]) for name, made in makers.made.items()}
    assert sorted(rows) == sorted(answered), "each key was made once, and is the one that was answered"
    assert len({row[0] for row in audited}) == len(audited)
    replayed = [name for name, answer in makers.made.items() if "Idempotency-Replayed" in answer.headers]
    assert replayed, "some were done, and their answers lost"
    for name in replayed:
        with server.client(makers.made[name].json()["key"]) as client:
            assert client.get("/api/keys/me").json()["name"] == name
