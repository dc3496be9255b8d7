"""UsageTrackingMiddleware: the events of requests under /api/."""

from typing import Any

import pytest

from registry.models import RegisteredModel
from tests.support.api import Api, api, drain_own_journal
from usage.models import Event

pytestmark = pytest.mark.django_db


def events() -> list[Event]:
    drain_own_journal()
    return list(Event.objects.order_by("pk"))


def test_answered_request_is_in_the_ledger_with_all_about_it(owner: Api) -> None:
    response = owner.post("/api/models", {"name": "m"}, X_Request_ID="req-1")

    [event] = events()
    assert (event.request_id, event.key_id, event.owner) == ("req-1", owner.row.pk, "owner")
    assert (event.method, event.route, event.status, event.code) == ("POST", "model-list", 201, "")
    assert event.request_bytes == len('{"name": "m"}')
    assert event.response_bytes == len(response.content)
    assert event.duration_us > 0
    assert (event.client, event.units) == ("127.0.0.1", 1)
    assert event.model_id == RegisteredModel.objects.get().pk


def test_event_has_the_model_if_it_exists_and_the_key_may_see_it(teammate: Api) -> None:
    model = RegisteredModel.objects.create(name="m", owner="owner")
    blind = api("blind", "read", model_patterns=["other*"])

    for caller in (teammate, blind):
        caller.get(f"/api/models/{model.pk}")

    assert [(event.status, event.model_id) for event in events()] == [(200, model.pk), (404, None)]


def test_failed_change_and_deletion_are_recorded_with_their_model(owner: Api) -> None:
    model = RegisteredModel.objects.create(name="m", owner="owner")

    owner("PATCH", "/api/models/m", {"description": "new"}, If_Match='"stale"')
    owner.delete("/api/models/m")

    assert [(event.method, event.status, event.model_id) for event in events()] == [
        ("PATCH", 412, model.pk),
        ("DELETE", 204, model.pk),
    ]


def test_refusals_are_worth_nothing(outsider: Api) -> None:
    eager = api("eager", "read", rate_limit="1/d")
    for _ in range(2):
        eager.get("/api/models")
    outsider.get("/api/models")

    assert [(event.status, event.units) for event in events()] == [(200, 1), (429, 0), (401, 0)]


def test_addresses_need_not_be_recorded(owner: Api, outsider: Api, settings: Any) -> None:
    settings.USAGE_CLIENT_ADDRESS = False
    owner.get("/api/models")
    for address in ("10.0.0.1", "10.0.0.2"):
        outsider._client.defaults["REMOTE_ADDR"] = address
        outsider.get("/api/models")

    assert [(event.client, event.count) for event in events()] == [(None, 1), (None, 2)]


def test_length_that_is_only_claimed_is_not_counted(owner: Api) -> None:
    owner._client.generic(
        "POST", "/api/models", b"", headers={"Content-Length": "9" * 17, "X-API-Key": owner.key or ""}
    )  # fmt: skip

    [event] = events()
    assert (event.status, event.request_bytes) == (413, 0)


def test_methods_that_are_made_up_are_not_told_apart(owner: Api) -> None:
    owner("BREW", "/api/models")

    assert [event.method for event in events()] == ["other"]


def test_route_is_the_patterns_name_never_the_path(teammate: Api) -> None:
    model = RegisteredModel.objects.create(name="m", owner="owner")

    teammate.get(f"/api/models/{model.pk}")
    teammate.get("/api/made/up/by/the/client")

    assert [event.route for event in events()] == ["model-detail", "unmatched"]


def test_refusals_and_failures_are_recorded_too(
    outsider: Api, teammate: Api, owner: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    outsider.get("/api/models")
    outsider.get("/api/models", X_API_Key="wrong")
    teammate.post("/api/models", {"name": "m"})
    owner.post("/api/models", {"nmae": "m"})
    monkeypatch.setattr("registry.services.models.register_model", lambda *_a, **_k: 1 / 0)
    owner.post("/api/models", {"name": "m"})

    recorded = [(event.route, event.status, event.code) for event in events()]
    assert recorded == [
        ("model-list", 401, "API_KEY_MISSING"),
        ("model-list", 401, "INVALID_API_KEY"),
        ("model-list", 403, "PERMISSION_DENIED"),
        ("model-list", 400, "VALIDATION_ERROR"),
        ("model-list", 500, "INTERNAL_ERROR"),
    ]


def test_fault_of_a_middleware_is_recorded_as_the_client_saw_it(
    owner: Api, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DEBUG = True  # when Django would show a page of its own
    monkeypatch.setattr("keys.admission.limiter.spend", lambda *_, **__: 1 / 0)

    response = owner.get("/api/models")

    [event] = events()
    assert (event.status, event.code, event.response_bytes) == (500, "INTERNAL_ERROR", len(response.content))


@pytest.mark.parametrize("path", ["/health", "/health/live", "/admin/login/", "/api/schema", "/api/docs", "/", "/x"])
def test_what_keys_do_not_govern_is_not_metered(outsider: Api, path: str) -> None:
    outsider.get(path)

    assert events() == []


def test_preflight_of_a_browser_is_recorded(outsider: Api) -> None:
    response = outsider(
        "OPTIONS", "/api/models", Origin="https://app.example", **{"Access-Control-Request-Method": "GET"}
    )

    assert response.status_code == 200
    assert [(event.method, event.key_id) for event in events()] == [("OPTIONS", None)]


def test_hostile_lengths_and_addresses_never_stop_the_drain(outsider: Api) -> None:
    outsider._client.defaults["REMOTE_ADDR"] = "fe80::1%eth0"
    outsider("X" * 300, "/api/models")
    outsider._client.defaults["REMOTE_ADDR"] = ""
    outsider._client.generic("POST", "/api/models", b"", headers={"Content-Length": "9" * 400})

    assert [event.client for event in events()] == ["fe80::1", "127.0.0.1"]
