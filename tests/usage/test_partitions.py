"""Partitions by day: made on demand and ahead, dropped by retention; roll-ups stay."""

import json
import re
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from tests.support.events import NOON, event, record
from tests.support.server import Server, until
from usage.models import DrainedJournal, Event, HourlyUsage
from usage.partitions import create, drop_before, existing, maintain
from usage.reconcile import reconcile

TODAY = date(2026, 3, 31)


def partition_of_each_event() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text FROM usage_event ORDER BY time")
        return [name for (name,) in cursor.fetchall()]


@pytest.mark.django_db
def test_day_without_a_partition_gets_one_when_its_first_event_comes(tmp_path: Path) -> None:
    midnight = datetime(2026, 3, 11, tzinfo=UTC)

    record(tmp_path, event(midnight - timedelta(microseconds=1)), event(midnight), event(NOON + timedelta(days=300)))

    assert partition_of_each_event() == ["usage_event_20260310", "usage_event_20260311", "usage_event_20270104"]


@pytest.mark.django_db
def test_another_process_that_makes_the_partition_first_costs_no_event(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def already_made(days: Any) -> list[date]:
        create(days)
        return create(days)

    monkeypatch.setattr("usage.partitions.create", already_made)
    record(tmp_path, event())

    assert Event.objects.count() == 1


@pytest.mark.django_db
def test_maintaining_makes_a_week_ahead_and_drops_what_is_past_retention(tmp_path: Path, settings: Any) -> None:
    settings.USAGE_RETENTION_DAYS = 10
    record(tmp_path, *(event(datetime(2026, 3, day, 23, 59, tzinfo=UTC)) for day in (19, 20, 21)))

    made, dropped = maintain(TODAY)

    assert made == [TODAY + timedelta(days=number) for number in range(8)]
    assert dropped == [date(2026, 3, 19), date(2026, 3, 20)]
    assert [row.time.day for row in Event.objects.all()] == [21]
    assert HourlyUsage.objects.count() == 3
    assert maintain(TODAY) == ([], [])
    assert reconcile(tmp_path).differences == []


@pytest.mark.django_db
def test_nothing_is_dropped_without_a_retention(tmp_path: Path, settings: Any) -> None:
    settings.USAGE_RETENTION_DAYS = 0
    record(tmp_path, event(datetime(2001, 1, 1, tzinfo=UTC)))

    assert maintain(TODAY)[1] == []
    assert Event.objects.count() == 1


@pytest.mark.django_db
def test_books_balance_after_events_have_expired_and_a_late_one_has_come(tmp_path: Path) -> None:
    record(tmp_path, event(), event(NOON + timedelta(days=1)))
    drop_before(date(2026, 3, 11))
    assert DrainedJournal.objects.get().expired == 1

    late = record(tmp_path, event())

    books = reconcile(tmp_path)
    assert books.differences == []
    assert (books.events, books.requests, books.expired) == (2, 1, 2)
    assert late.exists()


@pytest.mark.django_db
def test_journals_of_which_nothing_is_left_are_forgotten_but_not_those_that_have_a_file(tmp_path: Path) -> None:
    record(tmp_path, event())
    record(tmp_path, event())
    DrainedJournal.objects.filter(pk=DrainedJournal.objects.latest("pk").pk).update(finished_at=NOON)

    drop_before(date(2026, 4, 1))

    assert [journal.finished_at for journal in DrainedJournal.objects.all()] == [None]


@pytest.mark.django_db
def test_command_tells_what_it_did(tmp_path: Path, settings: Any) -> None:
    settings.USAGE_RETENTION_DAYS = 1
    record(tmp_path, event())
    out = StringIO()

    call_command("usage_maintain", stdout=out)

    assert "Dropped the partition of 2026-03-10." in out.getvalue()
    assert re.search(r"The ledger has 8 partitions, from \S+ to \S+\.", out.getvalue())


@pytest.mark.django_db
def test_list_of_a_time_reads_its_partitions_alone(tmp_path: Path) -> None:
    record(tmp_path, *(event(NOON + timedelta(days=number)) for number in range(30)))
    wanted = Event.objects.filter(time__gte=NOON, time__lt=NOON + timedelta(hours=1))

    assert set(re.findall(r"usage_event_\d{8}", wanted.explain())) == {"usage_event_20260310"}


@pytest.mark.wire
def test_service_keeps_the_partitions_by_itself_on_one_worker(server: Server, db: Any) -> None:
    def told() -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in server.said().splitlines() if line.startswith("{")]
        return [line for line in lines if line.get("event") == "usage_maintained"]

    until(told, "the partitions are made")
    with server.client(server.key) as client:
        assert client.get("/api/models").status_code == 200
    assert server.stop() == 0

    assert [(line["partitions_made"], line["partitions_dropped"]) for line in told()] == [(8, 0)]
    assert existing() == []  # that was another database
