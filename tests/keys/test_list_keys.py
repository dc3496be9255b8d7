"""GET /api/keys and GET /api/keys/{key_id}"""

import json
from base64 import urlsafe_b64encode
from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from keys.models import APIKey
from tests.support.api import Api, api


def test_pages_hold_every_key_once_newest_first(admin: Api) -> None:
    made = [str(api(f"owner {n}", "read").row.pk) for n in range(5)]
    seen: list[str] = []
    url = "/api/keys?limit=2"

    while url:
        page = admin.get(url).json()
        assert len(page["results"]) <= 2
        seen += [key["id"] for key in page["results"]]
        url = page["next"]

    assert seen == [*reversed(made), str(admin.row.pk)]


def test_list_never_shows_a_secret_or_hash(admin: Api) -> None:
    text = admin.get("/api/keys").content.decode()

    assert admin.key is not None
    assert admin.key.partition(".")[2] not in text
    assert "sha512" not in text
    assert "hashed" not in text


def test_list_makes_one_query_for_the_view_and_one_for_the_limiter(
    admin: Api, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    admin.get("/api/keys")  # now the key is remembered

    with django_assert_num_queries(2):
        assert admin.get("/api/keys").status_code == 200


def test_unknown_key_gets_404(admin: Api) -> None:
    assert admin.get(f"/api/keys/{uuid4()}").status_code == 404
    assert admin.get("/api/keys/not-a-uuid").status_code == 404


@pytest.mark.parametrize(
    "limit", ["0", "-1", "1001", "ten", "1.5", "", "٣", "9" * 5000, "000019999999", "00001" + "9" * 30]
)
def test_impossible_limit_gets_400(admin: Api, limit: str) -> None:
    response = admin.get(f"/api/keys?limit={limit}")

    assert response.status_code == 400
    assert [error["field"] for error in response.json()["errors"]] == ["limit"]


@pytest.mark.parametrize("cursor", ["x", "cD0=", "cD1ub3QtYS11dWlk", "é", "bz0xMDAwMDAwMDAwMDA="])
def test_damaged_cursor_gets_400(admin: Api, cursor: str) -> None:
    response = admin.get(f"/api/keys?cursor={cursor}")

    assert (response.status_code, response.json()["code"]) == (400, "INVALID_CURSOR")


@pytest.mark.parametrize(
    "place",
    [
        [["-pk"], ["not-a-uuid"], False],
        [["-pk"], ["\0"], False],
        [["-pk"], [7], False],
        [["-pk"], [], False],
        [["pk"], ["019d7a50-0000-7000-8000-000000000000"], False],
        [["-pk"], ["019d7a50-0000-7000-8000-000000000000"], 1],
        {"-pk": "x"},
        None,
    ],
)
def test_cursor_that_somebody_has_made_up_gets_400(admin: Api, place: object) -> None:
    cursor = urlsafe_b64encode(json.dumps(place).encode()).decode()

    response = admin.get(f"/api/keys?cursor={cursor}")

    assert (response.status_code, response.json()["code"]) == (400, "INVALID_CURSOR")


def found(admin: Api, query: str) -> set[str]:
    response = admin.get(f"/api/keys?{query}")
    assert response.status_code == 200, response.content
    return {key["name"] for key in response.json()["results"]}


def test_filters_narrow_the_list(admin: Api) -> None:
    past = timezone.now() - timedelta(days=1)
    made = {
        owner: api(owner, *permissions).row
        for owner, permissions in {
            "ann": ("read",),
            "bob": ("write",),
            "cat": ("read", "invoke"),
            "eve": ("read",),
        }.items()
    }
    APIKey.objects.filter(pk=made["bob"].pk).update(enabled=False)
    APIKey.objects.filter(pk=made["cat"].pk).update(expires_at=past, enabled=False)
    APIKey.objects.filter(pk=made["eve"].pk).update(revoked_at=past, expires_at=past)

    assert found(admin, "owner=ann") == {"ann's key"}
    assert found(admin, "status=active") == {"ann's key", "platform's key"}
    assert found(admin, "status=disabled") == {"bob's key"}
    assert found(admin, "status=expired") == {"cat's key"}
    assert found(admin, "status=revoked") == {"eve's key"}
    assert found(admin, "permission=read") == {"ann's key", "cat's key", "eve's key"}
    assert found(admin, f"prefix={made['ann'].prefix}") == {"ann's key"}
    assert found(admin, "search=BOB") == {"bob's key"}
    assert found(admin, "permission=read&status=active") == {"ann's key"}
    for status in ("active", "disabled", "expired", "revoked"):
        keys = admin.get(f"/api/keys?status={status}").json()["results"]
        assert {key["status"] for key in keys} == {status}, "the filter and the field agree"


@pytest.mark.parametrize("query", ["status=gone", "permission=fly", "ownr=ann", "owner=%00", "search=%00"])
def test_impossible_filter_gets_400(admin: Api, query: str) -> None:
    response = admin.get(f"/api/keys?{query}")

    assert response.status_code == 400
    assert [error["field"] for error in response.json()["errors"]] == [query.partition("=")[0]]
