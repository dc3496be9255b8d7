"""Requests with a valid key are served, and all others get an error that says why."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from keys.authentication import known_keys
from keys.crypto import checksum
from keys.models import APIKey, Bucket
from tests.support.api import Api, api


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
    assert response["WWW-Authenticate"] == 'Bearer realm="mcp", Basic realm="mcp"'


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
    [(digest, (until, principal))] = known_keys._entries.items()
    assert principal
    known_keys._entries[digest] = (until, replace(principal, expires_at=timezone.now()))

    assert caller.get("/api/models").json()["code"] == "API_KEY_EXPIRED"


TABLES = ("keys_apikey", "keys_spend")


def test_another_keys_secret_gets_401(teammate: Api, owner: Api) -> None:
    assert teammate.key is not None
    assert owner.key is not None
    body = teammate.key.partition(".")[0] + "." + owner.key.partition(".")[2][:32]

    response = Api(body + checksum(body)).get("/api/models")

    assert (response.status_code, response.json()["code"]) == (401, "INVALID_API_KEY")


def test_key_that_is_not_remembered_takes_its_look_up_and_a_look_at_its_address(
    teammate: Api, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    before = {*Bucket.objects.values_list("pool_id", flat=True)}
    with django_assert_num_queries(3) as queries:
        teammate.get("/api/nothing")

    tables = [next(table for table in TABLES if table in query["sql"]) for query in queries]
    assert tables == ["keys_spend", "keys_apikey", "keys_spend"]
    assert {*Bucket.objects.values_list("pool_id", flat=True)} - before == {teammate.row.pool_id}, (
        "nothing is written for its address"
    )


def test_remembered_key_takes_no_query(teammate: Api, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    teammate.get("/api/nothing")

    with django_assert_num_queries(1):  # the limiter's
        assert teammate.get("/api/nothing").status_code == 404


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


@pytest.mark.parametrize(
    ("allowed", "address", "status"),
    [
        (["192.0.2.0/24"], "192.0.2.200", 200),
        (["192.0.2.0/24"], "192.0.3.1", 401),
        (["192.0.2.7"], "192.0.2.7", 200),
        (["192.0.2.7"], "192.0.2.8", 401),
        (["2001:db8::/32"], "2001:db8:1::1", 200),
        (["2001:db8::/32"], "2001:db9::1", 401),
        (["2001:db8::/32"], "192.0.2.7", 401),
        (["10.0.0.0/8", "192.0.2.0/24"], "::ffff:192.0.2.7", 200),
        (None, "203.0.113.1", 200),
    ],
)
def test_key_is_good_only_from_its_addresses(db: None, allowed: list[str] | None, address: str, status: int) -> None:
    caller = api("bound", "read", allowed_ips=allowed)
    caller._client.defaults["REMOTE_ADDR"] = address

    response = caller.get("/api/models")

    assert response.status_code == status
    assert status == 200 or response.json()["code"] == "IP_NOT_ALLOWED"


def test_forged_header_does_not_open_a_bound_key(db: None, settings: Any) -> None:
    caller = api("bound", "read", allowed_ips=["192.0.2.7"])
    caller._client.defaults["REMOTE_ADDR"] = "203.0.113.1"

    assert caller.get("/api/models", X_Forwarded_For="192.0.2.7").json()["code"] == "IP_NOT_ALLOWED"

    settings.TRUSTED_PROXIES = ["203.0.113.1"]
    assert caller.get("/api/models", X_Forwarded_For="192.0.2.7").status_code == 200


def test_browser_is_not_told_of_basic_and_other_clients_are(outsider: Api) -> None:
    assert "Basic" in outsider.get("/api/models")["WWW-Authenticate"]
    assert outsider.get("/api/models", Sec_Fetch_Mode="cors")["WWW-Authenticate"] == 'Bearer realm="mcp"'


@pytest.mark.parametrize("other", ["Digest username=x", "AWS4-HMAC-SHA256 Credential=x", "Negotiate YII="])
def test_key_in_its_own_header_leaves_authorization_to_others(teammate: Api, other: str) -> None:
    outsider = Api()

    assert outsider.get("/api/models", X_API_Key=str(teammate.key), Authorization=other).status_code == 200


def test_disabled_key_gets_401(db: None) -> None:
    response = api("resting", "read", enabled=False).get("/api/models")

    assert (response.status_code, response.json()["code"]) == (401, "API_KEY_DISABLED")
