"""Load that records its requests and their responses, to compare them with the ledger."""

import http.client
import os
import random
import signal
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, nullcontext
from typing import Any, NamedTuple, Self

import psycopg
from psycopg import sql

from tests.support.load import connect
from tests.support.server import Server, manage, until

CLIENTS = 8
LONGEST_CONNECTION = 40  # requests
LONGEST_WRITE = 0.15  # seconds
FOLDED = {401, 429}
COLUMNS = ("request_id", "key_id", "status", "count")
WRONG_KEY = "not-a-key"  # not a key by its form, so it does not count towards a block of the address


class Answer(NamedTuple):
    """The fields that the folded refusals of this load share."""

    key_id: str | None  # of the key that was sent, whether or not the response names it
    status: int


class Row(NamedTuple):
    request_id: str
    key_id: str | None
    status: int
    answers: int  # that it stands for


class Load:
    """`with Load(servers) as load:` has CLIENTS ask, each one request after the other with `pause` seconds between,
    until the block ends. Half of them are served; of the others, half have used their rate up, half have a wrong key.

    A client keeps its connection for a random number of requests, so that a worker that is new gets its share.
    """

    def __init__(self, servers: Sequence[Server], pause: float = 0.0) -> None:
        self.sent: dict[str, str | None] = {}  # request ids, and the key's
        self.received: dict[str, Answer] = {}  # those that were answered, wholly
        self._servers = servers
        self._pause = pause
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(CLIENTS)

    def __enter__(self) -> Self:
        served, eager = self._make_key("1000000/s"), self._make_key("1/90d")
        callers = [served, served, eager, (WRONG_KEY, None)] * (CLIENTS // 4)
        self._running = [self._pool.submit(self._run, number, *caller) for number, caller in enumerate(callers)]
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._pool.shutdown()
        for client in self._running:
            client.result()

    @property
    def broken(self) -> dict[str, str | None]:
        """The requests without a response once the load has ended: their connections broke."""
        return {request_id: key_id for request_id, key_id in self.sent.items() if request_id not in self.received}

    def goes_on(self, answers: int, status: int | None = None) -> None:
        """Wait for so many more answers, of that status."""

        def seen() -> int:
            return sum(status in {None, answer.status} for answer in list(self.received.values()))

        enough = seen() + answers
        until(lambda: seen() >= enough, f"{answers} more answers with status {status}")

    def _make_key(self, rate: str) -> tuple[str, str]:
        """The key and its id."""
        body = {"name": rate, "owner": "load", "permissions": ["read"], "rate_limit": rate}
        request_id = f"key-{rate.replace('/', '-')}"
        with self._servers[0].client(self._servers[0].key) as admin:
            self.sent[request_id] = None
            made = admin.post("/api/keys", json=body, headers={"X-Request-ID": request_id})
        assert made.status_code == 201, made.text
        self.received[request_id] = Answer(None, 201)
        return made.json()["key"], made.json()["id"]

    def _run(self, number: int, key: str, key_id: str | None) -> None:
        choices = random.Random(number)
        while not self._stop.is_set():
            server = choices.choice(self._servers)
            if not server.url:  # it is down
                self._stop.wait(0.02)
                continue
            connection = connect(server)
            try:
                connection.connect()
            except OSError:  # the port was closed, and nothing was sent
                self._stop.wait(0.02)
                continue
            with closing(connection):
                for _ in range(choices.randint(1, LONGEST_CONNECTION)):
                    if self._stop.is_set() or not self._ask(connection, number, key, key_id):
                        break
                    self._stop.wait(self._pause)

    def _ask(self, connection: http.client.HTTPConnection, number: int, key: str, key_id: str | None) -> bool:
        """Whether the connection can take another request."""
        request_id = f"client-{number}-{len(self.sent)}"
        self.sent[request_id] = key_id
        try:
            connection.request("GET", "/api/models?limit=1", headers={"X-API-Key": key, "X-Request-ID": request_id})
            response = connection.getresponse()
            response.read()
        except (OSError, http.client.HTTPException):
            return False
        assert response.headers["X-Request-ID"] == request_id
        self.received[request_id] = Answer(key_id, response.status)
        return connection.sock is not None  # else the server has announced that it would close it


def ledger(server: Server) -> list[Row]:
    with _database(server) as session:
        rows = session.execute("SELECT request_id, key_id::text, status, count FROM usage_event")
        return [Row(*row) for row in rows]


def missing(received: dict[str, Answer], rows: list[Row]) -> list[str]:
    """The responses that clients received and the ledger lacks: a request by its id, folded refusals by their
    number."""
    recorded = {row.request_id for row in rows}
    served = [request_id for request_id, answer in received.items() if answer.status not in FOLDED]
    lost = (_refusals_received(received) - _refusals_recorded(rows)).items()
    return [request_id for request_id in served if request_id not in recorded] + [f"{n} of {fold}" for fold, n in lost]


def until_drained(server: Server, load: Load) -> None:
    """Wait until the living have drained all that was received, what they wrote and what the dead left."""
    try:
        until(lambda: not missing(load.received, ledger(server)), "all that was received is in the ledger")
    except AssertionError as error:
        error.add_note(f"It lacks {missing(load.received, ledger(server))[:10]}.")
        raise


def assert_exactly_once(load: Load, rows: list[Row], kills: int) -> None:
    """`kills` is how often each client may have had a request in flight that got no response."""
    assert missing(load.received, rows) == [], "each answer that a client received is in the ledger"
    times = Counter(row.request_id for row in rows)
    assert {request_id: count for request_id, count in times.items() if count != 1} == {}, "and only once"
    assert [row for row in rows if row.request_id not in load.sent] == [], "nothing else is there"
    statuses = {request_id: answer.status for request_id, answer in load.received.items()}
    assert [row for row in rows if statuses.get(row.request_id, row.status) != row.status] == [], "with its status"
    assert [row for row in rows if row.status not in FOLDED and row.answers != 1] == [], "only refusals are folded"

    broken = load.broken
    assert len(broken) <= kills * CLIENTS, "a connection breaks where a process is killed, and nowhere else"
    unanswered = Counter(broken.values())
    for fold, excess in (_refusals_recorded(rows) - _refusals_received(load.received)).items():
        assert excess <= unanswered[fold.key_id], f"more of {fold} than were received are at most those in flight"


def assert_books_balance(server: Server) -> None:
    """The service's own count: journals, ledger and roll-ups."""
    reconciled = manage(server.folder, server.variables, "usage_reconcile")
    assert reconciled.returncode == 0, reconciled.stdout + reconciled.stderr


def linger_in_writes(server: Server) -> None:
    """Let each statement that writes a table of usage take up to LONGEST_WRITE: so what strikes at random strikes
    between the statements of a drain, too."""
    tables = """SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace
        AND relkind IN ('r', 'p') AND NOT relispartition AND relname LIKE 'usage\\_%'"""
    linger = f"""CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN PERFORM pg_sleep(random() * {LONGEST_WRITE}); RETURN NULL; END'"""
    trigger = (
        "CREATE TRIGGER linger BEFORE INSERT OR UPDATE OR DELETE ON {} FOR EACH STATEMENT EXECUTE FUNCTION linger()"
    )
    with _database(server) as session:
        session.execute(linger)
        for (table,) in session.execute(tables).fetchall():
            session.execute(sql.SQL(trigger).format(sql.Identifier(table)))


def kill_a_worker(server: Server, chance: random.Random) -> None:
    """Any one, often in the midst of a drain; and wait until there are two again."""
    moment = midst_of_a_drain(server, chance) if chance.random() < 0.75 else nullcontext()
    victim = chance.choice(server.both_workers())
    with moment:
        os.kill(victim, signal.SIGKILL)
    until(lambda: victim not in server.worker_pids(), "the killed worker is gone")
    server.both_workers()


@contextmanager
def midst_of_a_drain(server: Server, chance: random.Random) -> Iterator[None]:
    """Run the block while a transaction stays in a write, not always in the first of a drain, and then end the sessions
    that do so: PostgreSQL would bring a statement of a dead client to its end."""
    count = chance.randint(1, 8)
    seen: set[tuple[object, ...]] = set()
    lingering = """SELECT pid, query_start FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event = 'PgSleep'"""
    with _database(server) as session:

        def enough() -> bool:
            seen.update(session.execute(lingering))
            return len(seen) >= count

        until(enough, f"{count} writes have been seen")
        yield
        session.execute(f"SELECT pg_terminate_backend(pid) FROM ({lingering}) AS lingering")  # noqa: S608


def rows_of_report(report: dict[str, Any]) -> list[Row]:
    """The events of GET /api/usage/events."""
    return [Row(*(event[name] for name in COLUMNS)) for event in report["results"]]


def _refusals_received(received: dict[str, Answer]) -> Counter[Answer]:
    return Counter(answer for answer in received.values() if answer.status in FOLDED)


def _refusals_recorded(rows: list[Row]) -> Counter[Answer]:
    counts: Counter[Answer] = Counter()
    for row in rows:
        if row.status in FOLDED:
            counts[Answer(row.key_id, row.status)] += row.answers
    return counts


def _database(server: Server) -> "psycopg.Connection[tuple[Any, ...]]":
    names = {"host": "DB_HOST", "port": "DB_PORT", "user": "DB_USER", "password": "DB_PASSWORD", "dbname": "DB_NAME"}
    given = {name: server.variables[variable] for name, variable in names.items() if server.variables[variable]}
    return psycopg.connect(**{"user": "postgres", **given}, autocommit=True)  # type: ignore[arg-type]
