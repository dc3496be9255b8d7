"""Which requests are let in, and what the others are told."""

import base64
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from keys.authentication import known_keys
from keys.crypto import KeyGenerator, checksum
from keys.limits.failures import blocked
from keys.models import APIKey
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


TABLES = ("keys_doorcounter", "keys_apikey", "keys_bucket")


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


BODY = "mcp_abcdefgh." + "x" * 32
WHOLE = BODY + checksum(BODY)
HOSTILE = [
    # nothing, or next to nothing
    {"Authorization": ""}, {"Authorization": " "}, {"Authorization": "\t"}, {"X_API_Key": ""}, {"X_API_Key": "   "},
    {"Authorization": "Bearer"}, {"Authorization": "Bearer "}, {"Authorization": "Basic"}, {"Authorization": "Basic "},
    {"Authorization": "Api-Key"}, {"Authorization": ":"}, {"Authorization": ","},
    # other schemes, and schemes that are none
    {"Authorization": "Digest username=x"}, {"Authorization": "Token " + WHOLE}, {"Authorization": WHOLE},
    {"Authorization": "Bearer:" + WHOLE}, {"Authorization": "Bearer=" + WHOLE}, {"Authorization": "Bearer\t" + WHOLE},
    {"Authorization": "BearerBearer " + WHOLE}, {"Authorization": "Negotiate ////"},
    # words that programs send by mistake
    {"Authorization": "Bearer null"}, {"Authorization": "Bearer undefined"}, {"Authorization": "Bearer None"},
    {"Authorization": "Bearer $KEY"}, {"Authorization": "Bearer <key>"}, {"Authorization": "Bearer [object Object]"},
    # the right form and something wrong
    {"Authorization": "Bearer mcp_"}, {"Authorization": "Bearer mcp_."}, {"Authorization": "Bearer .."},
    {"Authorization": "Bearer mcp_abcdefgh." + "x" * 38}, {"Authorization": "Bearer " + WHOLE[:-1]},
    {"Authorization": "Bearer " + WHOLE + "x"}, {"Authorization": "Bearer " + WHOLE[1:]},
    {"Authorization": "Bearer " + WHOLE.upper()}, {"Authorization": "Bearer " + WHOLE.swapcase()},
    {"Authorization": "Bearer " + WHOLE.replace(".", "..")}, {"Authorization": "Bearer " + WHOLE.replace(".", "")},
    {"Authorization": "Bearer " + WHOLE.replace("x", "y", 1)}, {"Authorization": "Bearer " + WHOLE[::-1]},
    {"Authorization": f"Bearer {WHOLE} {WHOLE}"}, {"Authorization": f"Bearer {WHOLE},{WHOLE}"},
    {"Authorization": f'Bearer "{WHOLE}"'}, {"Authorization": f"Bearer {WHOLE};"},
    {"Authorization": "Bearer MCP_" + WHOLE[4:]}, {"Authorization": "Bearer sk_" + WHOLE[4:]},
    {"X_API_Key": "Bearer " + WHOLE},
    # two that differ
    {"Authorization": "Bearer " + WHOLE, "X_API_Key": WHOLE[:-1]},
    {"Authorization": basic(f"u:{WHOLE}"), "X_API_Key": "x"},
    # characters that break parsers, logs and databases
    {"Authorization": "Bearer \x00"}, {"Authorization": f"Bearer {WHOLE}\x00"}, {"Authorization": "Bearer \x7f\x01"},
    {"Authorization": f"Bearer {WHOLE}\r\nX-Admin: yes"}, {"Authorization": "Bearer kéy"},
    {"Authorization": "Bearer " + "٣" * 51}, {"Authorization": "Bearer mcp_аbcdefgh." + "x" * 38},
    {"Authorization": "Bearer \ud800"}, {"Authorization": "Bearer 🔑"}, {"X_API_Key": "\u202e" + WHOLE[:-1]},
    {"Authorization": "Bearer ' OR 1=1 --"}, {"Authorization": "Bearer %"}, {"Authorization": "Bearer {{7*7}}"},
    {"Authorization": "Bearer ../../etc/passwd"}, {"Authorization": "Bearer ${jndi:ldap://x}"},
    # size
    {"Authorization": "Bearer " + "x" * 1_000_000}, {"X_API_Key": "mcp_abcdefgh." + "x" * 1_000_000},
    {"Authorization": "Basic " + "A" * 1_000_000}, {"Authorization": " " * 100_000 + "Bearer x"},
    # Basic that is no Basic
    {"Authorization": "Basic !!!!"}, {"Authorization": "Basic " + WHOLE}, {"Authorization": "Basic dXNlcg"},
    {"Authorization": basic("no colon")}, {"Authorization": basic("user:")}, {"Authorization": basic(":")},
    {"Authorization": basic("user:password")}, {"Authorization": basic(f"{WHOLE}:")},
    {"Authorization": basic(f"u:{WHOLE}:")},
    {"Authorization": "Basic " + base64.b64encode(b"u:\xff\xfe").decode()}, {"Authorization": basic("u:\x00")},
]  # fmt: skip


@pytest.mark.parametrize("headers", HOSTILE, ids=range(len(HOSTILE)))
def test_what_is_no_key_gets_401_without_a_query(headers: dict[str, str]) -> None:  # no `db`: a query would fail
    sent = {"HTTP_" + name.upper().replace("-", "_"): value for name, value in headers.items()}
    client = Client(raise_request_exception=False)

    response = client.get("/api/models", **sent)  # type: ignore[arg-type]

    assert response.status_code == 401, response.content
    assert response.json()["code"] in {"INVALID_API_KEY", "API_KEY_MISSING"}
    assert response["WWW-Authenticate"] == 'Bearer realm="mcp", Basic realm="mcp"'
    assert set(response.json()) == {"detail", "code", "timestamp", "request_id"}


def test_there_are_sixty_of_them() -> None:
    assert len(HOSTILE) >= 60


@pytest.mark.parametrize("user", ["", "anyone", "üser", "a b"])
def test_basic_takes_the_key_as_password_whatever_the_user(teammate: Api, outsider: Api, user: str) -> None:
    assert outsider.get("/api/models", Authorization=basic(f"{user}:{teammate.key}")).status_code == 200


def test_another_keys_secret_gets_401(teammate: Api, owner: Api) -> None:
    assert teammate.key is not None
    assert owner.key is not None
    body = teammate.key.partition(".")[0] + "." + owner.key.partition(".")[2][:32]

    response = Api(body + checksum(body)).get("/api/models")

    assert (response.status_code, response.json()["code"]) == (401, "INVALID_API_KEY")


def test_key_that_is_not_remembered_takes_its_look_up_and_a_look_at_the_door(
    teammate: Api, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(3) as queries:
        teammate.get("/api/nothing")

    tables = [next(table for table in TABLES if table in query["sql"]) for query in queries]
    assert tables == ["keys_doorcounter", "keys_apikey", "keys_bucket"]
    assert queries[0]["sql"].startswith("SELECT"), "nothing is written for a right key"


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


def test_too_many_wrong_keys_from_an_address_get_429(settings: Any, db: None, outsider: Api) -> None:
    settings.AUTH_FAILURE_RATE = "3/h"

    answers = [Api(KeyGenerator().generate()[0]).get("/api/models") for _ in range(5)]

    assert [answer.status_code for answer in answers] == [401, 401, 401, 429, 429]
    assert answers[-1].json()["code"] == "TOO_MANY_FAILURES"
    assert 1 <= int(answers[-1]["Retry-After"]) <= 3600


def test_blocked_address_is_refused_without_work_and_others_are_served(
    settings: Any, teammate: Api, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    settings.AUTH_FAILURE_RATE = "1/h"
    for _ in range(2):
        Api(KeyGenerator().generate()[0]).get("/api/models")

    with django_assert_num_queries(0):
        wrong = Api(KeyGenerator().generate()[0]).get("/api/models")
        right = teammate.get("/api/models")

    assert [answer.json()["code"] for answer in (wrong, right)] == ["TOO_MANY_FAILURES"] * 2
    assert int(right["Retry-After"]) > 1
    teammate._client.defaults["REMOTE_ADDR"] = "198.51.100.7"
    assert teammate.get("/api/models").status_code == 200


def test_wrong_key_is_remembered_and_asked_for_once(
    db: None, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    stranger = Api(KeyGenerator().generate()[0])
    stranger.get("/api/models")

    with django_assert_num_queries(2) as queries:
        assert stranger.get("/api/models").status_code == 401
    assert known_keys._entries == {}, "and it displaces no right one"

    assert all("keys_doorcounter" in query["sql"] for query in queries), "only the counter of failures"


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


def test_right_key_from_an_address_that_another_worker_blocked_is_refused_at_its_next_look_up(
    settings: Any, teammate: Api
) -> None:
    settings.AUTH_FAILURE_RATE = "1/h"
    for _ in range(2):
        Api(KeyGenerator().generate()[0]).get("/api/models")
    blocked.clear()  # as in another process, which knows only what the shared counter says

    assert teammate.get("/api/models").json()["code"] == "TOO_MANY_FAILURES"


def test_whole_ipv6_neighbourhood_is_one_door(settings: Any, db: None) -> None:
    settings.AUTH_FAILURE_RATE = "2/h"
    answers = []
    for number in range(5):
        stranger = Api(KeyGenerator().generate()[0])
        stranger._client.defaults["REMOTE_ADDR"] = f"2001:db8:1:2::{number}"
        answers.append(stranger.get("/api/models").status_code)

    assert answers == [401, 401, 429, 429, 429]


def test_disabled_key_gets_401(db: None) -> None:
    response = api("resting", "read", enabled=False).get("/api/models")

    assert (response.status_code, response.json()["code"]) == (401, "API_KEY_DISABLED")


def test_missing_and_damaged_keys_are_not_counted_as_failures(settings: Any, outsider: Api) -> None:
    settings.AUTH_FAILURE_RATE = "1/h"

    assert [outsider.get("/api/models").status_code for _ in range(4)] == [401] * 4
    assert [outsider.get("/api/models", X_API_Key="mcp_damaged").status_code for _ in range(4)] == [401] * 4
