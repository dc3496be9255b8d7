"""The cache that django-ratelimit counts in."""

import pytest
from django.core.cache import caches
from django.db import connection

pytestmark = pytest.mark.django_db


def test_counter_counts() -> None:
    doors = caches["doors"]

    assert doors.add("a", 1, 60)
    assert not doors.add("a", 1, 60)
    assert doors.incr("a") == 2
    assert doors.get("a") == 2
    assert doors.get("b") is None


def test_asking_makes_no_counter() -> None:
    doors = caches["doors"]

    assert not doors.add("a", 0, 60)
    assert doors.get("a", 0) == 0
    assert doors.add("a", 1, 60), "there was none"


def test_counter_that_ran_out_is_absent_and_can_be_made_anew() -> None:
    doors = caches["doors"]
    doors.add("a", 7, 60)
    _expire_all()

    assert doors.get("a") is None
    with pytest.raises(ValueError, match="not found"):
        doors.incr("a")
    assert doors.add("a", 1, 60)
    assert doors.get("a") == 1


def test_counters_that_ran_out_are_swept() -> None:
    doors = caches["doors"]
    for number in range(150):
        doors.add(f"old-{number}", 1, 60)
    _expire_all()
    for number in range(100):
        doors.add(f"new-{number}", 1, 60)

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM keys_doorcounter WHERE name LIKE '%%old%%'")
        assert cursor.fetchone()[0] == 0


def test_set_delete_and_clear() -> None:
    doors = caches["doors"]
    doors.set("a", 5, 60)
    doors.set("a", 6, 60)

    assert doors.get("a") == 6
    assert doors.delete("a")
    assert not doors.delete("a")
    doors.set("a", 5, 60)
    doors.clear()
    assert doors.get("a") is None


def _expire_all() -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE keys_doorcounter SET expires_at = now() - interval '1 second'")
