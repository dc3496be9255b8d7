"""GET /health and GET /health/live"""

import itertools
import threading
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import OperationalError, connection

from mcp_project import __version__
from mcp_project.database.postgresql.base import DatabaseWrapper
from mcp_project.serving.health import HealthCheck, HealthProbe
from tests.support.api import Api


def test_health_tells_of_each_check(outsider: Api, db: None) -> None:
    response = outsider.get("/health")

    assert response.status_code == 200
    assert response.json() == {
        "status": "ok",
        "version": __version__,
        "checks": {"database": "ok", "migrations": "ok", "threads": "ok"},
    }


def test_live_asks_nothing_of_the_database(outsider: Api) -> None:  # no `db`: a query would fail the test
    assert outsider.get("/health/live").json() == {"status": "ok", "version": __version__}


def test_load_balancer_may_ask_by_address(outsider: Api) -> None:
    assert outsider.get("/health/live", Host="10.0.0.7:8000").status_code == 200


def test_health_is_503_when_the_database_is_away(outsider: Api, monkeypatch: pytest.MonkeyPatch, db: None) -> None:
    def refuse(*_: object) -> None:
        raise OperationalError("away")

    monkeypatch.setattr(DatabaseWrapper, "get_new_connection", refuse)

    response = outsider.get("/health")

    assert response.status_code == 503
    assert response.json()["status"] == "failing"
    assert response.json()["checks"] == {
        "database": "unreachable",
        "migrations": "unknown",
        "threads": "ok",
    }


def test_health_is_503_when_migrations_are_pending(monkeypatch: pytest.MonkeyPatch, db: None) -> None:
    monkeypatch.setattr("mcp_project.serving.health.pending_migrations", lambda: ["keys.0001_models"])

    assert HealthProbe()._check() == {"database": "ok", "migrations": "pending"}


def test_health_is_503_with_a_database_of_former_migrations(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'keys'")
        cursor.execute("INSERT INTO django_migrations (app, name, applied) VALUES ('keys', '0001_initial', now())")

    assert HealthProbe()._check()["migrations"] == "pending"


NOTHING_TO_CHECK = HealthCheck("absent", "Never reported.", lambda: None)
FAILING = HealthCheck("printer", "`ok`, or `out of paper`.", lambda: "out of paper")


def test_health_reports_the_checks_that_the_settings_name(outsider: Api, settings: Any, db: None) -> None:
    settings.HEALTH_CHECKS = [f"{__name__}.NOTHING_TO_CHECK", f"{__name__}.FAILING"]

    response = outsider.get("/health")

    assert response.status_code == 503
    assert response.json()["checks"]["printer"] == "out of paper"
    assert "absent" not in response.json()["checks"]


def test_all_that_ask_at_once_share_one_check_and_its_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    released, checks = threading.Event(), []

    def hang(_probe: HealthProbe) -> dict[str, str]:
        checks.append(1)
        released.wait()
        return {"database": "ok"}

    clock = itertools.count(100.0)  # a second passes between two looks at it
    monkeypatch.setattr("mcp_project.serving.health.time", SimpleNamespace(monotonic=lambda: next(clock)))
    monkeypatch.setattr(HealthProbe, "_check", hang)
    probe = HealthProbe()
    deadlines: list[float] = []
    result = Future.result

    def waited(future: "Future[Any]", timeout: float) -> Any:
        deadlines.append(timeout)
        return result(future, 0)

    monkeypatch.setattr(Future, "result", waited)

    answers = [probe.checks() for _ in range(4)]
    released.set()

    assert [answer["database"] for answer in answers] == ["no answer"] * 4
    assert deadlines == [0.5, 0.0, 0.0, 0.0], "what is left of the first one's 1.5 s"
    assert len(checks) == 1
