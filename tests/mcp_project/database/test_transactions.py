"""mcp_project.database.transactions: the one place where transactions of changes are opened, judged and run again."""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.conf import settings as django_settings
from django.db import OperationalError
from psycopg.errors import DeadlockDetected, LockNotAvailable

from mcp_project.database import transactions
from mcp_project.idempotency.models import KeptResponse
from registry.models import RegisteredModel
from tests.support.api import Api
from tests.support.error_shape import check_shape
from tests.support.server import WAITING, Server, count, database_of, until

APPS = ("mcp_project", "keys", "registry", "usage")
# What opens a transaction of its own, and why.
EXCEPTIONS = {
    "mcp_project/database/transactions.py": "is the one place",
    "registry/transfer/exporter.py": "reads a snapshot",
    "usage/reconcile.py": "reads a snapshot",
    "usage/reports.py": "reads a stream of rows",
    "usage/drain.py": "moves the journal into the ledger, for no request",
    "usage/partitions.py": "makes and drops partitions of the ledger, for no request",
}


def test_no_other_place_opens_a_transaction() -> None:
    opening = set()
    for app in APPS:
        for path in sorted(Path(django_settings.BASE_DIR, app).rglob("*.py")):
            if "migrations" not in path.parts and re.search(r"transaction\.atomic|import atomic", path.read_text()):
                opening.add(str(path.relative_to(django_settings.BASE_DIR)))

    assert opening == set(EXCEPTIONS)


@pytest.fixture
def judged() -> Iterator[list[int]]:
    """One entry for each judgement: how many models there were."""
    seen: list[int] = []
    token = transactions.judge.set(lambda: seen.append(RegisteredModel.objects.count()))
    yield seen
    transactions.judge.reset(token)


def register(name: str) -> None:
    transactions.change(RegisteredModel.objects.create)(name=name)


def test_change_is_judged_once_when_all_is_written(db: None, judged: list[int]) -> None:
    register("a")
    with transactions.open_transaction():
        register("b")
        register("c")

    assert judged == [1, 3]


def test_nothing_of_a_change_is_left_that_is_judged_to_be_wrong(db: None) -> None:
    def refuse() -> None:
        raise PermissionError

    token = transactions.judge.set(refuse)
    with pytest.raises(PermissionError):
        register("a")
    transactions.judge.reset(token)

    assert not RegisteredModel.objects.exists()


def failing(times: int, cause: type[Exception]) -> tuple[Callable[[], None], list[str]]:
    """A change that the database ends so many times, and what it tried."""
    tried: list[str] = []

    @transactions.change
    def act() -> None:
        tried.append("")
        RegisteredModel.objects.create(name=f"try {len(tried)} of {times + 1}")
        if len(tried) <= times:
            raise OperationalError("ended") from cause("ended")

    return act, tried


def test_victim_of_a_deadlock_is_run_again_once(db: None) -> None:
    act, tried = failing(1, DeadlockDetected)
    act()
    assert (len(tried), [model.name for model in RegisteredModel.objects.all()]) == (2, ["try 2 of 2"])

    act, tried = failing(2, DeadlockDetected)
    with pytest.raises(OperationalError):
        act()
    assert len(tried) == 2


def test_what_is_no_deadlock_is_not_run_again(db: None) -> None:
    act, tried = failing(1, LockNotAvailable)

    with pytest.raises(OperationalError):
        act()

    assert len(tried) == 1


@pytest.mark.parametrize("headers", [{}, {"Idempotency_Key": "a"}], ids=["", "idempotent"])
def test_second_deadlock_is_told_as_a_busy_database(
    owner: Api, headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OperationalError("deadlock detected") from DeadlockDetected("deadlock detected")

    monkeypatch.setattr("registry.services.models.save", fail)

    answer = owner.post("/api/models", {"name": "m"}, **headers)

    check_shape(answer, 503, "DATABASE_BUSY")
    assert answer["Retry-After"] == "1"
    assert not KeptResponse.objects.exists()


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "a"}], ids=["", "idempotent"])
@pytest.mark.wire
def test_request_that_the_database_ends_for_a_deadlock_is_done(patient_server: Server, headers: dict[str, str]) -> None:
    """The batch has inserted `a` and waits for the name `b`; another transaction has taken that, and then wants `a`."""
    server = patient_server
    rename = "UPDATE registry_registeredmodel SET name = %s WHERE name = %s"
    with server.client(server.key) as client:
        client.post("/api/models:batch", json=[{"name": "first"}, {"name": "second"}])

    def register_both() -> httpx.Response:
        with server.client(server.key) as client:
            return client.post("/api/models:batch", json=[{"name": "b"}, {"name": "a"}], headers=headers)

    with database_of(server) as other, database_of(server) as watching, ThreadPoolExecutor(1) as pool:
        other.execute("SET deadlock_timeout = '1min'")  # so that it is the request that is ended
        with other.transaction(force_rollback=True):
            other.execute(rename, ["b", "first"])
            coming = pool.submit(register_both)
            until(partial(count, watching, WAITING), "the batch waits for the name b")
            other.execute(rename, ["a", "second"])
        answer = coming.result()

    assert answer.status_code == 200, answer.text
    with server.client(server.key) as client:
        names = sorted(model["name"] for model in client.get("/api/models").json()["results"])
        assert names == ["a", "b", "first", "second"]
        made = client.get("/api/audit?action=create&object_type=registeredmodel").json()["results"]
        assert sorted(entry["object_name"] for entry in made) == names
