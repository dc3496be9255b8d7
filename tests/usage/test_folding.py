"""Identical refusals within a second are one event, with a count that adds up."""

import os
import signal
import threading
import time
from collections import Counter
from itertools import product
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from django.db.models import Sum

from mcp_project.database.initialise import connection_parameters
from tests.support.api import Api, api, drain_own_journal
from tests.support.journals import event
from tests.support.server import Server, until
from usage.drain import drain
from usage.journal import Journal
from usage.models import Event

pytestmark = pytest.mark.django_db


def recorded() -> list[tuple[int, str, int]]:
    drain_own_journal()
    return list(Event.objects.order_by("pk").values_list("status", "code", "count"))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Set the result of time.monotonic from now on."""
    now = [time.monotonic()]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    return now


def test_flood_of_one_key_is_one_event_a_second(clock: list[float]) -> None:
    caller = api("eager", "read", rate_limit="1/d")
    for _ in range(3):
        for _ in range(50):
            caller.get("/api/models")
        clock[0] += 1

    assert recorded() == [
        (200, "", 1),
        (429, "RATE_LIMIT_EXCEEDED", 49),
        (429, "RATE_LIMIT_EXCEEDED", 50),
        (429, "RATE_LIMIT_EXCEEDED", 50),
    ]


def test_what_differs_is_not_one_event(outsider: Api, clock: list[float]) -> None:
    first, second = (api(name, "read", rate_limit="1/d") for name in ("first", "second"))
    for caller in (first, second):
        for _ in range(4):
            caller.get("/api/models")
    for _ in range(2):
        outsider.get("/api/models")
        outsider.get("/api/models", X_API_Key="wrong")

    assert sorted(recorded()) == sorted(
        [
            *[(200, "", 1), (429, "RATE_LIMIT_EXCEEDED", 3)] * 2,
            (401, "API_KEY_MISSING", 2),
            (401, "INVALID_API_KEY", 2),
        ]
    )


def test_walk_through_all_routes_and_methods_makes_no_more_events(outsider: Api, clock: list[float]) -> None:
    """The client chooses those, and could fill the disk by them."""
    spent = api("spent", "read", daily_quota=0)
    paths = [f"/{path}" for path in ("api/models", "api/usage", "api/nothing", "api/keys/x/rotate", "api/contexts")]
    methods = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "MADE-UP")
    for caller in (spent, outsider):
        for method, path in product(methods, paths):
            caller(method, path, b"x" * len(path))
    for path, body in product(paths, (b"", b"x", b"xx")):
        outsider("OPTIONS", path, body, Origin="https://app.example.com", Access_Control_Request_Method="GET")
    for method, body in product(("GET", "HEAD"), (b"", b"x")):
        spent(method, "/api/keys/me", body)

    assert sorted(recorded()) == [
        (200, "", 4),
        (200, "", 15),
        (401, "API_KEY_MISSING", 35),
        (429, "QUOTA_EXCEEDED", 35),
    ]


def test_only_refusals_are_folded(owner: Api, clock: list[float]) -> None:
    for _ in range(2):
        owner.get("/api/models")
        owner.get("/api/nothing")
        owner.get("/api/keys")

    assert recorded() == [(200, "", 1), (404, "NOT_FOUND", 1), (403, "PERMISSION_DENIED", 1)] * 2


WRONG_LENGTHS = ({"Content_Length": "99999999"}, {"Transfer_Encoding": "chunked"}, {"Content_Length": "1x"})


def test_key_with_nothing_left_adds_one_event_a_second_whatever_it_sends(clock: list[float]) -> None:
    caller = api("eager", "read", daily_quota=0)
    for _ in range(10):
        assert {caller("POST", "/api/models", **headers).status_code for headers in WRONG_LENGTHS} == {429}
        assert caller.get("/api/models", Content_Length="99999999").status_code == 429

    assert recorded() == [(429, "QUOTA_EXCEEDED", 40)]


def test_free_requests_are_folded_refused_past_ten_a_second_and_counted(
    admin: Api, clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead = time.time() - clock[0]
    monkeypatch.setattr("time.time", lambda: clock[0] + ahead)
    caller = api("eager", "read", daily_quota=0)

    statuses = [caller.get("/api/keys/me").status_code for _ in range(50)]

    assert statuses == [200] * 10 + [429] * 40
    assert recorded() == [(200, "", 10), (429, "RATE_LIMIT_EXCEEDED", 40)]
    told = admin.get("/api/usage?owner=eager").json()["total"]
    assert (told["requests"], told["refusals"], told["units"]) == (50, 40, 0)
    clock[0] += 1
    assert caller.get("/api/keys/me").status_code == 200


def test_report_counts_each_answer(outsider: Api, admin: Api) -> None:
    for _ in range(5):
        outsider.get("/api/models")
    drain_own_journal()

    told = admin.get("/api/usage").json()["total"]

    assert (told["requests"], told["errors"]) == (5, 5)
    assert admin.get("/api/usage/events").json()["results"][-1]["count"] == 5


def test_line_is_not_drained_while_it_may_change(tmp_path: Path, clock: list[float]) -> None:
    journal = Journal()
    refused = event(1)._replace(status=401)
    journal.append(tmp_path, event(0))
    before = journal.settled()
    journal.append(tmp_path, refused)
    journal.append(tmp_path, event(2))
    path = journal.path
    assert path is not None

    assert journal.settled() == before
    assert drain(path, 0, journal.settled()) == before
    journal.append(tmp_path, refused)
    clock[0] += 1
    journal.append(tmp_path, refused)
    clock[0] += 1
    drain(path, before, journal.settled())

    rows = Event.objects.order_by("pk").values_list("request_id", "count")
    assert list(rows) == [("request-0", 1), ("request-1", 2), ("request-2", 1), ("request-1", 1)]


def test_journal_that_has_folds_leaves_nothing_open(tmp_path: Path) -> None:
    open_before = len(os.listdir("/proc/self/fd"))
    journal = Journal()
    for _ in range(3):
        journal.append(tmp_path, event(1)._replace(status=401))
        journal.retire()

    assert len(os.listdir("/proc/self/fd")) == open_before


def ledger(server: Server) -> Counter[int]:
    with psycopg.connect(**{**connection_parameters(), "dbname": server.variables["DB_NAME"]}) as session:
        return Counter(dict(session.execute("SELECT status, sum(count)::bigint FROM usage_event GROUP BY status")))


@pytest.mark.wire
def test_counts_balance_when_workers_are_killed_in_a_flood(server: Server, db: Any) -> None:
    received: Counter[int] = Counter()
    in_flight = [0]
    done = threading.Event()

    def client() -> None:
        mine: Counter[int] = Counter()
        while not done.is_set():
            try:
                mine[httpx.get(f"{server.url}/api/models", timeout=30).status_code] += 1
            except httpx.TransportError:
                in_flight[0] += 1
            total[id(mine)] = mine.total()
        received.update(mine)

    total: dict[int, int] = {}
    threads = [threading.Thread(target=client) for _ in range(4)]
    for thread in threads:
        thread.start()
    for kill in range(5):
        until(lambda count=40 * (kill + 1): sum(total.values()) >= count, "there is a flood")  # type: ignore[misc]
        os.kill(until(server.worker_pids, "there are workers")[0], signal.SIGKILL)
    done.set()
    for thread in threads:
        thread.join()
    assert server.stop() == 0

    counted = ledger(server)
    assert set(received) == {401}
    assert received[401] <= counted[401] <= received[401] + in_flight[0]


def test_folded_events_are_few(outsider: Api, db: None) -> None:
    for _ in range(200):
        outsider.get("/api/models")
    drain_own_journal()

    assert Event.objects.count() <= 3
    assert Event.objects.aggregate(all=Sum("count"))["all"] == 200


def test_methods_that_are_made_up_make_no_events(outsider: Api, clock: list[float]) -> None:
    for number in range(20):
        outsider(f"X{number}", "/api/models")

    assert recorded() == [(401, "API_KEY_MISSING", 20)]


def test_preflights_which_take_no_key_are_folded(outsider: Api, clock: list[float]) -> None:
    for _ in range(20):
        outsider(
            "OPTIONS", "/api/models", Origin="https://app.example.com", Access_Control_Request_Method="GET"
        )  # fmt: skip

    assert recorded() == [(200, "", 20)]
