"""GET /api/keys/{key_id}/explain: what it says is what enforcement does."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from keys.authentication import wrong_keys
from keys.crypto import checksum
from keys.limits.failures import blocked
from keys.models import APIKey
from registry.models import RegisteredModel
from tests.support.api import Api, api

pytestmark = pytest.mark.usefixtures("stopped_clock")

HERE = "127.0.0.1"
WRONG = "mcp_abcdefgh." + "x" * 32
WRONG += checksum(WRONG)


def explain(admin: Api, key: Api, method: str, path: str, ip: str | None = HERE) -> dict[str, Any]:
    answer = admin.get(f"/api/keys/{key.row.pk}/explain?method={method}&path={path}" + (f"&ip={ip}" if ip else ""))
    assert answer.status_code == 200, answer.content
    told: dict[str, Any] = answer.json()
    return told


def rules_of(told: dict[str, Any]) -> dict[str, bool]:
    return {rule["rule"]: rule["admits"] for rule in told["rules"]}


@pytest.fixture
def model(owner: Api) -> RegisteredModel:
    owner.post("/api/models", {"name": "churn"})
    return RegisteredModel.objects.get()


CHANGES: dict[str, dict[str, Any]] = {
    "nothing": {},
    "revoked": {"revoked_at": timezone.now()},
    "expired": {"expires_at": timezone.now() - timedelta(days=1)},
    "disabled": {"enabled": False},
    "elsewhere": {"allowed_ips": ["192.0.2.0/24"]},
    "here": {"allowed_ips": ["127.0.0.0/8"]},
    "no quota": {"daily_quota": 0},
    "no rights": {"permissions": ["invoke"]},
    "other models": {"model_patterns": ["fraud*"]},
    "its models": {"model_patterns": ["ch*"]},
}
REQUESTS = [
    ("GET", "/api/models"), ("POST", "/api/models"), ("GET", "/api/models/{model}"), ("HEAD", "/api/models/{model}"),
    ("GET", "/api/models/00000000-0000-0000-0000-000000000000"), ("DELETE", "/api/models"), ("GET", "/api/keys"),
    ("GET", "/api/keys/me"), ("GET", "/api/nothing"), ("GET", "/health"), ("POST", "/health"), ("GET", "/api/models/"),
    ("GET", "/api/schema"), ("GET", "/nothing"), ("GET", "/api/usage"), ("GET", "/api"), ("POST", "/api/keys/verify"),
    ("OPTIONS", "/api/models"), ("OPTIONS", "/api/keys/me"),
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize(("method", "path"), REQUESTS)
def test_it_says_what_such_a_request_is_then_told(
    admin: Api, model: RegisteredModel, method: str, path: str, change: str
) -> None:
    caller = api("caller", "read", rate_limit="100/d")
    APIKey.objects.filter(pk=caller.row.pk).update(**CHANGES[change])
    path = path.format(model=model.pk)

    told = explain(admin, caller, method, path)
    answer = caller(method, path)

    refused = answer.status_code in {401, 403, 404, 405, 429}
    assert told["admitted"] == (not refused)
    if refused:
        assert told["status"] == answer.status_code
        assert told["code"] == (answer.json()["code"] if method != "HEAD" else told["code"])


def test_it_names_the_rule_that_refuses_and_asks_the_others_too(admin: Api, model: RegisteredModel) -> None:
    caller = api("caller", "invoke", daily_quota=0, allowed_ips=["192.0.2.7"])

    told = explain(admin, caller, "GET", f"/api/models/{model.pk}")

    assert (told["refused_by"], told["code"], told["status"]) == ("key", "IP_NOT_ALLOWED", 401)
    assert rules_of(told) == {
        "address": True,
        "key": False,
        "limits": False,
        "route": True,
        "permission": False,
        "method": True,
        "visibility": True,
    }
    assert rules_of(explain(admin, caller, "GET", "/api/models", ip="192.0.2.7"))["key"]


def test_without_an_address_rules_on_addresses_are_left_out(admin: Api) -> None:
    caller = api("caller", "read", allowed_ips=["192.0.2.7"])

    told = explain(admin, caller, "GET", "/api/models", ip=None)

    assert told["admitted"]
    assert "address" not in rules_of(told)


def test_it_costs_neither_key_anything_of_the_other(admin: Api) -> None:
    caller = api("caller", "read", rate_limit="3/d", daily_quota=3)

    left = [explain(admin, caller, "GET", "/api/models")["limits"] for _ in range(4)]

    assert {(told["rate_limit"]["remaining"], told["daily_quota"]["remaining"]) for told in left} == {(3, 3)}


def test_used_up_limit_is_told_with_its_code(admin: Api) -> None:
    caller = api("caller", "read", rate_limit="1/d")
    assert explain(admin, caller, "GET", "/api/models")["admitted"]
    caller.get("/api/models")

    told = explain(admin, caller, "GET", "/api/models")

    assert (told["refused_by"], told["code"], told["status"]) == ("limits", "RATE_LIMIT_EXCEEDED", 429)
    assert explain(admin, caller, "GET", "/api/keys/me")["admitted"], "which costs nothing"


def test_address_with_too_many_wrong_keys_is_told_and_not_remembered(admin: Api, settings: Any) -> None:
    settings.AUTH_FAILURE_RATE = "1/h"
    settings.TRUSTED_PROXIES = ["127.0.0.1"]
    caller = api("caller", "read")
    for _ in range(3):
        Api(WRONG).get("/api/models", X_Forwarded_For="192.0.2.50")
        wrong_keys.clear()
    blocked.clear()

    told = explain(admin, caller, "GET", "/api/models", ip="192.0.2.50")

    assert (told["refused_by"], told["code"]) == ("address", "TOO_MANY_FAILURES")
    assert explain(admin, caller, "GET", "/api/models", ip="192.0.2.51")["admitted"]
    assert len(blocked) == 0


def test_absent_counters_are_told(admin: Api, lose_counters: Callable[[], None]) -> None:
    caller = api("caller", "read", on_outage="closed")
    APIKey.objects.filter(pk=admin.row.pk).update(on_outage="open")

    lose_counters()

    told = explain(admin, caller, "GET", "/api/models")

    assert (told["refused_by"], told["code"], told["limits"]) == ("limits", "LIMITER_UNAVAILABLE", None)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "path"),
        ("path=", "path"),
        ("path=api/models", "path"),
        ("path=/api/models&method=FLY", "method"),
        ("path=/api/models&ip=nowhere", "ip"),
        ("path=/api/models&ip=10.0.0.0/8", "ip"),
        ("path=/api/models&adress=10.0.0.1", "adress"),
        ("path=/" + "x" * 4096, "path"),
        ("path=/%00", "path"),
    ],
)
def test_bad_question_gets_400_that_names_the_field(admin: Api, query: str, field: str) -> None:
    answer = admin.get(f"/api/keys/{admin.row.pk}/explain?{query}")

    assert answer.status_code == 400
    assert {error["field"] for error in answer.json()["errors"]} == {field}


@pytest.mark.parametrize(
    "path", ["/%2e%2e/x", "/api/models/../keys", "//evil.example/api", "/api/models?limit=9", "/\u2603"]
)
def test_odd_paths_are_explained(admin: Api, path: str) -> None:
    assert explain(admin, admin, "GET", path)["status"] in {None, 404}


@pytest.mark.parametrize("query", ["path=/api/%256dodels", "path=/api/models&method=get"])
def test_path_and_method_are_taken_as_they_are_sent(admin: Api, owner: Api, query: str) -> None:
    assert owner.get("/api/%6dodels").status_code == 200
    assert admin.get(f"/api/keys/{owner.row.pk}/explain?{query}").json()["admitted"]


def test_unknown_key_is_404(admin: Api) -> None:
    assert admin.get(f"/api/keys/{uuid4()}/explain?path=/api/models").status_code == 404


@pytest.mark.parametrize("permissions", [["read"], ["write"], ["verify"], ["read", "write", "invoke", "verify"]])
def test_it_is_for_admins(db: None, owner: Api, permissions: list[str]) -> None:
    curious = api("curious", *permissions)

    assert curious.get(f"/api/keys/{owner.row.pk}/explain?path=/api/models").status_code == 403
