"""POST /api/keys/verify"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from keys.authentication import known_keys
from keys.crypto import checksum
from keys.explanation import explain
from keys.models import APIKey
from keys.principal import Principal
from tests.support.api import Api, api
from tests.support.resources import model

pytestmark = pytest.mark.usefixtures("stopped_clock")

WHOLE = "mcp_abcdefgh." + "x" * 32
WHOLE += checksum(WHOLE)
IP = "192.0.2.50"


@pytest.fixture
def gateway(db: None) -> Api:
    return api("gateway", "verify")


def ask(gateway: Api, key: str | None, **question: Any) -> dict[str, Any]:
    response = gateway.post("/api/keys/verify", {"key": key, **question})
    assert response.status_code == 200, response.content
    answer: dict[str, Any] = response.json()
    return answer


def test_good_key_is_told_with_its_rights_and_what_is_left(gateway: Api, owner: Api) -> None:
    assert ask(gateway, owner.key, permission="read", ip="198.51.100.1") == {
        "valid": True,
        "code": "VALID",
        "key_id": str(owner.row.pk),
        "owner": "owner",
        "permissions": ["read", "write"],
        "limits": {
            "rate_limit": {"limit": 600, "remaining": 600, "reset": 0},
            "daily_quota": None,
            "monthly_quota": None,
        },
    }


@pytest.mark.parametrize(
    ("change", "question", "code"),
    [
        ({"revoked_at": timezone.now()}, {}, "API_KEY_REVOKED"),
        ({"expires_at": timezone.now() - timedelta(days=1)}, {}, "API_KEY_EXPIRED"),
        ({"enabled": False}, {}, "API_KEY_DISABLED"),
        ({"allowed_ips": ["10.0.0.0/8"]}, {"ip": "192.0.2.1"}, "IP_NOT_ALLOWED"),
        ({"allowed_ips": ["10.0.0.0/8"]}, {"ip": "10.9.9.9"}, "VALID"),
        ({"allowed_ips": ["10.0.0.0/8"]}, {}, "VALID"),
        ({}, {"permission": "invoke"}, "PERMISSION_DENIED"),
        ({"permissions": ["admin"]}, {"permission": "invoke"}, "VALID"),
        ({"model_patterns": ["churn*"]}, {"model": "churn-2"}, "VALID"),
        ({"model_patterns": ["churn*"]}, {"model": "fraud"}, "NOT_FOUND"),
    ],
)
def test_answer_is_what_enforcement_would_say(
    gateway: Api, owner: Api, change: dict[str, Any], question: dict[str, Any], code: str
) -> None:
    APIKey.objects.filter(pk=owner.row.pk).update(**change)

    answer = ask(gateway, owner.key, **question)

    assert (answer["valid"], answer["code"]) == (code == "VALID", code)
    assert answer["key_id"] == str(owner.row.pk)


@pytest.mark.parametrize("key", ["x", "mcp_", "mcp_abcdefgh." + "x" * 38, WHOLE])
def test_wrong_key_is_told_as_such_and_nothing_more(gateway: Api, key: str) -> None:
    answer = ask(gateway, key)

    assert (answer["valid"], answer["code"]) == (False, "INVALID_API_KEY")
    assert (answer["key_id"], answer["owner"], answer["permissions"], answer["limits"]) == (None, None, [], None)


def test_asking_costs_the_key_nothing_unless_told_to(gateway: Api) -> None:
    key = api("limited", "read", rate_limit="2/d").key

    asked = [ask(gateway, key)["limits"]["rate_limit"]["remaining"] for _ in range(3)]
    consumed = [ask(gateway, key, consume=True) for _ in range(3)]

    assert asked == [2, 2, 2]
    assert [(answer["valid"], answer["code"]) for answer in consumed] == [
        (True, "VALID"),
        (True, "VALID"),
        (False, "RATE_LIMIT_EXCEEDED"),
    ]


def test_used_up_quota_is_told(gateway: Api) -> None:
    key = api("limited", "read", daily_quota=1).key

    answers = [ask(gateway, key, consume=True)["code"] for _ in range(2)]

    assert answers == ["VALID", "QUOTA_EXCEEDED"]
    assert ask(gateway, key)["limits"]["daily_quota"]["remaining"] == 0


def test_key_that_is_not_good_is_not_charged(gateway: Api) -> None:
    key = api("limited", "read", rate_limit="2/d").key

    ask(gateway, key, permission="write", consume=True)

    assert ask(gateway, key)["limits"]["rate_limit"]["remaining"] == 2


@pytest.mark.parametrize("permissions", [["read"], ["write"], ["invoke"], ["read", "write", "invoke"]])
def test_it_is_no_oracle_for_others(db: None, owner: Api, permissions: list[str]) -> None:
    curious = api("curious", *permissions)

    answers = [curious.post("/api/keys/verify", {"key": key}) for key in (owner.key, "x", None, 7)]

    assert {answer.status_code for answer in answers} == {403}
    assert len({answer.json()["detail"] for answer in answers}) == 1


def test_verify_permission_gives_nothing_else(gateway: Api) -> None:
    assert gateway.get("/api/keys").status_code == 403
    assert gateway.get("/api/models").status_code == 403


@pytest.mark.parametrize(
    ("question", "field"),
    [
        ({"key": ""}, "key"),
        ({"key": 7}, "key"),
        ({"key": "x" * 1001}, "key"),
        ({"key": "x", "permission": "fly"}, "permission"),
        ({"key": "x", "ip": "nowhere"}, "ip"),
        ({"key": "x", "consume": "maybe"}, "consume"),
        ({"key": "x", "modell": "m"}, "modell"),
        ({}, "key"),
    ],
)
def test_bad_question_gets_400_that_names_the_field(gateway: Api, question: dict[str, Any], field: str) -> None:
    response = gateway.post("/api/keys/verify", question)

    assert response.status_code == 400
    assert {error["field"] for error in response.json()["errors"]} == {field}


def test_key_asked_about_reaches_no_memory_but_by_its_digest(gateway: Api, owner: Api) -> None:
    ask(gateway, owner.key)

    assert owner.key is not None
    assert len(known_keys) == 2
    assert owner.key.partition(".")[2] not in repr(known_keys._entries)


def test_key_that_is_not_admitted_without_its_counters_is_told_as_such(
    gateway: Api, lose_counters: Callable[[], None]
) -> None:
    key = api("careful", "read", on_outage="closed").key
    APIKey.objects.filter(pk=gateway.row.pk).update(on_outage="open")

    lose_counters()

    answer = ask(gateway, key, consume=True)

    assert (answer["valid"], answer["code"], answer["limits"]) == (False, "LIMITER_UNAVAILABLE", None)


STATES: dict[str, dict[str, Any]] = {
    "good": {},
    "revoked": {"revoked_at": timezone.now()},
    "elsewhere": {"allowed_ips": ["10.0.0.0/8"]},
    "nothing left": {"daily_quota": 0},
    "no right": {"permissions": ["invoke"]},
    "no right and nothing left": {"permissions": ["invoke"], "daily_quota": 0},
    "other models": {"model_patterns": ["fraud*"]},
    "other models and nothing left": {"model_patterns": ["fraud*"], "daily_quota": 0},
    "revoked and nothing left": {"revoked_at": timezone.now(), "daily_quota": 0},
    "no right and other models": {"permissions": ["invoke"], "model_patterns": ["fraud*"]},
}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("wrong_keys", [0, 3])
def test_code_is_that_of_a_request_for_the_model(
    gateway: Api, owner: Api, state: str, wrong_keys: int, settings: Any
) -> None:
    """If several rules refuse, the first in the order of enforcement gives the code; explain reports the same."""
    settings.TRUSTED_PROXIES, settings.AUTH_FAILURE_RATE = ["127.0.0.1"], "2/h"
    model(owner)
    caller = api("caller", "read")
    APIKey.objects.filter(pk=caller.row.pk).update(**STATES[state])
    for number in range(wrong_keys):
        text = f"mcp_abcdefgh.{number:032d}"
        Api(text + checksum(text)).get("/api/models", X_Forwarded_For=IP)

    code = ask(gateway, caller.key, permission="read", model="churn", ip=IP)["code"]
    explained = explain(Principal.of(APIKey.objects.get(pk=caller.row.pk)), "GET", "/api/models/churn", IP)
    response = caller.get("/api/models/churn", X_Forwarded_For=IP)

    assert code == (explained["code"] or "VALID") == response.json().get("code", "VALID")
