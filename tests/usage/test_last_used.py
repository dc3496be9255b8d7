"""`last_used_at` of a key, which costs no write on the request's way."""

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from keys.models import APIKey
from keys.services import note_use
from tests.support.api import Api, drain_own_journal


def test_key_knows_when_it_was_last_used(owner: Api) -> None:
    before = timezone.now()
    owner.get("/api/models")
    assert APIKey.objects.get(pk=owner.row.pk).last_used_at is None

    drain_own_journal()

    used = APIKey.objects.get(pk=owner.row.pk).last_used_at
    assert used is not None
    assert before <= used <= timezone.now()


def test_request_writes_nothing_to_the_key(owner: Api, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    owner.get("/api/models")

    with django_assert_num_queries(2) as queries:
        owner.get("/api/models")

    assert not any("UPDATE" in query["sql"] and "keys_apikey" in query["sql"] for query in queries)


@pytest.mark.parametrize(("later", "written"), [(timedelta(seconds=59), False), (timedelta(seconds=61), True)])
def test_it_is_written_once_a_minute_at_most(owner: Api, later: timedelta, written: bool) -> None:
    first = timezone.now()
    note_use({owner.row.pk: first})

    note_use({owner.row.pk: first + later})

    assert APIKey.objects.get(pk=owner.row.pk).last_used_at == (first + later if written else first)


def test_it_never_goes_back(owner: Api) -> None:
    now = timezone.now()
    note_use({owner.row.pk: now})

    note_use({owner.row.pk: now - timedelta(hours=1)})

    assert APIKey.objects.get(pk=owner.row.pk).last_used_at == now
