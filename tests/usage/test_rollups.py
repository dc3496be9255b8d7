"""The roll-ups are changed with the events, and agree with a slow count over them."""

import random
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.db import DatabaseError

from tests.support.events import NOON, event, record
from usage.drain import drain
from usage.models import Event, HourlyUsage, Series
from usage.reconcile import reconcile
from usage.rollups import Rollup

pytestmark = pytest.mark.django_db

KEYS = [str(UUID(int=number)) for number in range(3)]


def test_events_of_one_kind_and_hour_are_one_row(tmp_path: Path) -> None:
    record(tmp_path, event(), event(NOON + timedelta(minutes=59)), event(NOON + timedelta(hours=1)))

    rows = HourlyUsage.objects.order_by("hour").values_list("hour", "requests", "units", "request_bytes")
    assert list(rows) == [(NOON, 2, 2, 20), (NOON + timedelta(hours=1), 1, 1, 10)]
    assert Series.objects.count() == 1


def test_a_fold_counts_as_often_as_the_answers_it_stands_for(tmp_path: Path) -> None:
    record(tmp_path, *(event(status=429, units=0) for _ in range(7)))

    [row] = HourlyUsage.objects.all()
    assert (row.requests, row.units, row.request_bytes, row.response_bytes) == (7, 0, 70, 700)


def test_rollups_agree_with_a_slow_count_over_the_events(tmp_path: Path) -> None:
    chance = random.Random(5)
    for _ in range(5):
        moment = NOON + timedelta(seconds=chance.randrange(200_000))
        record(
            tmp_path,
            *(
                event(
                    moment + timedelta(seconds=number * 7),
                    key_id=chance.choice([*KEYS, None]),
                    owner=chance.choice(["ann", "bob", "ü\x1f☃"]),
                    route=chance.choice(["model-list", "model-detail"]),
                    model_id=chance.choice([KEYS[0], None]),
                    status=chance.choice([200, 401, 404, 429, 500]),
                    duration_us=chance.randrange(10_000_000),
                    response_bytes=chance.randrange(10_000),
                )
                for number in range(300)
            ),
        )

    books = reconcile(tmp_path)
    assert books.differences == []
    assert books.requests == books.rolled_up == 1500


def test_failure_of_the_rollups_leaves_neither_rows_nor_offset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_self: Any) -> None:
        raise DatabaseError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(Rollup, "store", fail)
        with pytest.raises(DatabaseError):
            record(tmp_path, event())
    assert not Event.objects.exists()

    [path] = tmp_path.glob("*.journal")
    drain(path)
    assert (Event.objects.count(), HourlyUsage.objects.get().requests) == (1, 1)


def test_event_that_is_refused_is_not_rolled_up(tmp_path: Path) -> None:
    record(tmp_path, event(), event(owner="x" * 101), event())

    assert Event.objects.count() == HourlyUsage.objects.get().requests == 2
    assert reconcile(tmp_path).differences == []


@pytest.mark.parametrize("field", ["request_bytes", "response_bytes", "duration_us"])
def test_sum_that_would_overflow_holds_up_nothing(tmp_path: Path, field: str) -> None:
    record(tmp_path, *(event(NOON, **{field: 2**62}) for _ in range(3)), event())

    books = reconcile(tmp_path)
    assert books.differences == []
    assert 1 <= books.events <= 4
