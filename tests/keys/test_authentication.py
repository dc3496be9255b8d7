"""Which requests are let in, and what the others are told."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from keys.authentication import KeyCache, cache
from keys.crypto import KeyGenerator, checksum
from keys.models import APIKey
from keys.principal import Principal
from tests.conftest import Api, api


@pytest.mark.parametrize(
    "header",
    [
        {"Authorization": "Bearer {}"},
        {"Authorization": "bearer {}"},
        {"Authorization": "Api-Key {}"},
        {"X_API_Key": "{}"},
        {"Authorization": "Bearer {}", "X_API_Key": "{}"},
        {"Authorization": "Bearer {}", "X_API_Key": " "},
    ],
)
def test_key_is_taken_from_each_header(teammate: Api, outsider: Api, header: dict[str, str]) -> None:
    sent = {name: value.format(teammate.key) for name, value in header.items()}

    assert outsider.get("/api/models", **sent).status_code == 200


def test_request_without_key_gets_401_with_a_challenge(outsider: Api) -> None:
    response = outsider.get("/api/models")

    assert (response.status_code, response.json()["code"]) == (401, "API_KEY_MISSING")
    assert response["WWW-Authenticate"] == 'Bearer realm="mcp"'


def test_two_different_keys_get_401(teammate: Api, owner: Api) -> None:
    response = teammate.get("/api/models", X_API_Key=str(owner.key))

    assert (response.status_code, response.json()["code"]) == (401, "INVALID_API_KEY")


def test_expired_key_gets_401(db: None) -> None:
    caller = api("late", "read")
    APIKey.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

    response = caller.get("/api/models")

    assert (response.status_code, response.json()["code"]) == (401, "API_KEY_EXPIRED")


def test_remembered_key_expires_to_the_moment(db: None) -> None:
    caller = api("late", "read", expires_at=timezone.now() + timedelta(hours=1))
    assert caller.get("/api/models").status_code == 200
    digest, (until, principal) = next(iter(cache._entries.items()))
    past = Principal(
        principal.key_id,
        principal.prefix,
        principal.owner,
        principal.permissions,
        principal.rate,
        timezone.now(),
        revoked=False,
    )
    cache._entries[digest] = (until, past)

    assert caller.get("/api/models").json()["code"] == "API_KEY_EXPIRED"


WELL_FORMED = "mcp_abcdefgh." + "x" * 32
HOSTILE = [
    "",
    " ",
    "Bearer",
    "Bearer ",
    "Basic dXNlcjpwYXNz",
    "Bearer null",
    "Bearer mcp_",
    "Bearer mcp_.",
    "Bearer ..",
    "Bearer \x00",
    "Bearer \x7f\x01",
    "Bearer kéy",
    "Bearer " + "٣" * 51,
    "Bearer " + "x" * 100_000,
    "Bearer ' OR 1=1 --",
    "Bearer mcp_abcdefgh." + "x" * 38,
    "Bearer " + WELL_FORMED + checksum(WELL_FORMED).swapcase() + "x",
    "Bearer " + WELL_FORMED + checksum(WELL_FORMED) + " " + WELL_FORMED,
]


@pytest.mark.parametrize("value", HOSTILE)
def test_what_is_no_key_gets_401_without_a_query(outsider: Api, value: str) -> None:  # no `db`: a query would fail
    response = outsider.get("/api/models", Authorization=value)

    assert response.status_code == 401
    assert response.json()["code"] in {"INVALID_API_KEY", "API_KEY_MISSING"}


def test_another_keys_secret_gets_401(teammate: Api, owner: Api) -> None:
    assert teammate.key is not None
    assert owner.key is not None
    body = teammate.key.partition(".")[0] + "." + owner.key.partition(".")[2][:32]

    response = Api(body + checksum(body)).get("/api/models")

    assert (response.status_code, response.json()["code"]) == (401, "INVALID_API_KEY")


def test_remembered_key_takes_no_query(teammate: Api, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    teammate.get("/api/nothing")

    with django_assert_num_queries(1):  # the limiter's
        assert teammate.get("/api/nothing").status_code == 404


def test_cache_holds_no_more_than_its_size_and_drops_the_oldest(settings: Any, teammate: Api) -> None:
    settings.KEY_CACHE_SIZE = 3
    principal = Principal.of(teammate.row)
    small = KeyCache()

    for digest in (b"1", b"2", b"3", b"4"):
        small.put(digest, principal, read_at=float("inf"))

    assert [small.get(digest) is not None for digest in (b"1", b"2", b"3", b"4")] == [False, True, True, True]


def test_cache_forgets_after_its_time(settings: Any, teammate: Api) -> None:
    settings.KEY_CACHE_SECONDS = 1.0
    short = KeyCache()

    short.put(b"old", Principal.of(teammate.row), read_at=0.0)

    assert short.get(b"old") is None


@pytest.mark.parametrize(
    ("permissions", "method", "status"),
    [
        (["read"], "GET", 200),
        (["read"], "POST", 403),
        (["write"], "GET", 403),
        (["write"], "POST", 201),
        (["admin"], "GET", 200),
        (["admin"], "POST", 201),
    ],
)
def test_permission_decides(db: None, permissions: list[str], method: str, status: int) -> None:
    caller = api("someone", *permissions)

    assert caller(method, "/api/models", {"name": "m"} if method == "POST" else None).status_code == status


def test_too_many_wrong_keys_from_an_address_get_429(settings: Any, db: None, outsider: Api) -> None:
    settings.AUTH_FAILURE_RATE = "3/h"

    answers = [Api(KeyGenerator().generate()[0]).get("/api/models") for _ in range(5)]

    assert [answer.status_code for answer in answers] == [401, 401, 401, 429, 429]
    assert answers[-1].json()["code"] == "TOO_MANY_FAILURES"
    assert 1 <= int(answers[-1]["Retry-After"]) <= 3600


def test_missing_and_damaged_keys_are_not_counted_as_failures(settings: Any, outsider: Api) -> None:
    settings.AUTH_FAILURE_RATE = "1/h"

    assert [outsider.get("/api/models").status_code for _ in range(4)] == [401] * 4
    assert [outsider.get("/api/models", X_API_Key="mcp_damaged").status_code for _ in range(4)] == [401] * 4
