"""GET /metrics, in process: what it says, and to whom."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from keys.limits.stores import StoreAway
from mcp_project import __version__
from mcp_project.serving.refusals import count_refusal
from mcp_project.serving.responses import MALFORMED
from tests.support.api import Api, api
from tests.support.scraping import labels, scrape
from usage.journal import journal
from usage.lag import journal_lag

pytestmark = pytest.mark.django_db


def test_answers_are_counted_by_route_method_and_status(owner: Api, teammate: Api, outsider: Api) -> None:
    before = scrape()
    for _ in range(3):
        teammate.get("/api/models")
    owner.post("/api/models", {"name": "m"})
    teammate.get("/api/made/up/by/the/client")
    outsider.get("/api/models")
    outsider.get("/health")

    assert scrape().added_since(before, "mcp_requests_total") == {
        labels(route="model-list", method="GET", status="200"): 3,
        labels(route="model-list", method="POST", status="201"): 1,
        labels(route="unmatched", method="GET", status="404"): 1,
        labels(route="model-list", method="GET", status="401"): 1,
    }


def test_duration_is_counted_in_seconds_by_route(owner: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    from usage import events

    made = events.event_of
    monkeypatch.setattr("usage.middleware.event_of", lambda *given: made(*given)._replace(duration_us=30_000))
    before = scrape()
    owner.get("/api/models")
    after = scrape()

    buckets = {dict(of)["le"]: n for of, n in after.added_since(before, "mcp_request_duration_seconds_bucket").items()}
    assert "0.025" not in buckets
    assert buckets["0.05"] == buckets["+Inf"] == 1
    seconds = after.added_since(before, "mcp_request_duration_seconds_sum")
    assert seconds == {labels(route="model-list"): pytest.approx(0.03)}


def test_refusals_are_counted_by_code(outsider: Api, teammate: Api, owner: Api) -> None:
    poor = api("poor", "read", rate_limit="1/d")
    before = scrape()
    outsider.get("/api/models")
    for _ in range(3):
        poor.get("/api/models")
    teammate.post("/api/models", {"name": "m"})
    owner.post("/api/models", {"nmae": "m"})

    assert scrape().added_since(before, "mcp_refusals_total") == {
        labels(code="API_KEY_MISSING"): 1,
        labels(code="RATE_LIMIT_EXCEEDED"): 2,
    }, "neither 403 nor 400"


def test_made_up_methods_are_one_label(owner: Api) -> None:
    before = scrape()
    for method in ("BREW", "X" * 300):
        owner(method, "/api/models")

    assert scrape().added_since(before, "mcp_requests_total") == {
        labels(route="model-list", method="other", status="405"): 2
    }


def test_event_that_cannot_be_written_is_lost_and_the_clients_answer_is_counted(
    owner: Api, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> int:
        raise OSError("No space left on device")

    before = scrape()
    with monkeypatch.context() as patch:
        patch.setattr("usage.journal.os.write", full)
        for _ in range(3):
            assert owner.get("/api/models").status_code == 503
        settings.USAGE_WHEN_FULL = "drop"
        assert owner.get("/api/models").status_code == 200
    assert journal.recover(settings.USAGE_JOURNAL_DIR) is not None
    after = scrape()

    assert after.added_since(before, "mcp_usage_events_lost_total") == {labels(): 2}, "two were refused before the work"
    assert after.added_since(before, "mcp_requests_total") == {
        labels(route="model-list", method="GET", status="503"): 3,
        labels(route="model-list", method="GET", status="200"): 1,
    }


def test_no_room_for_a_new_series_is_no_failure_of_the_request(owner: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr("usage.metrics._response_metrics", {})
    monkeypatch.setattr("usage.metrics._add_response_metrics", full)

    assert owner.get("/api/models").status_code == 200


@pytest.mark.parametrize(("lost", "kind"), [(True, "store_lost"), (False, "undecided")])
def test_errors_of_the_limiter_are_counted_by_kind(
    owner: Api, monkeypatch: pytest.MonkeyPatch, settings: Any, lost: bool, kind: str
) -> None:
    from keys.limits.limiter import limiter

    settings.KEY_CACHE_SECONDS = 60
    owner.get("/api/models")  # so that the key is remembered: looking it up charges its address

    def fail(*_: Any) -> None:
        raise StoreAway("connection refused", lost=lost)

    monkeypatch.setattr(limiter.store, "spend", fail)
    before = scrape()
    owner.get("/api/models")

    assert scrape().added_since(before, "mcp_limiter_errors_total") == {labels(kind=kind): 1}


def test_what_runs_here_is_told() -> None:
    [sample] = scrape().families["mcp_build_info"].samples

    assert sample.value == 1
    assert (set(sample.labels), sample.labels["version"]) == ({"version", "python", "django"}, __version__)


# --- Who may ask, and how -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("peer", "proxies", "forwarded", "status"),
    [
        ("127.0.0.1", [], "", 200),
        ("127.8.8.8", [], "", 200),
        ("::1", [], "", 200),
        ("10.0.0.1", [], "", 403),
        ("fe80::1%eth0", [], "", 403),
        ("10.0.0.1", [], "127.0.0.1", 403),  # a forged header changes nothing
        ("127.0.0.1", ["127.0.0.1"], "10.0.0.1", 403),  # what the proxy on this host lets through is not this host
        ("10.0.0.1", ["10.0.0.1"], "127.0.0.1", 200),
        ("10.0.0.1", ["10.0.0.1"], "rubbish", 403),
    ],
)
def test_only_allowed_addresses_are_answered(
    outsider: Api, settings: Any, peer: str, proxies: list[str], forwarded: str, status: int
) -> None:
    settings.TRUSTED_PROXIES = proxies
    outsider._client.defaults["REMOTE_ADDR"] = peer
    response = outsider.get("/metrics", X_Forwarded_For=forwarded)

    assert response.status_code == status
    if status == 403:
        assert set(response.json()) == {"detail", "code", "timestamp", "request_id"}
        assert response.json()["code"] == "PERMISSION_DENIED"
        assert "METRICS_ALLOWED_IPS" in response.json()["detail"]


def test_operator_says_who_is_allowed(outsider: Api, settings: Any) -> None:
    settings.METRICS_ALLOWED_IPS = ["10.0.0.0/8"]
    assert outsider.get("/metrics").status_code == 403

    outsider._client.defaults["REMOTE_ADDR"] = "10.1.2.3"
    assert outsider.get("/metrics").status_code == 200
    assert outsider.get("/metrics/").status_code == 200


def test_no_key_is_taken_and_nothing_is_metered(admin: Api) -> None:
    before = scrape()
    assert admin.get("/metrics").status_code == 200
    assert Api("mcp_wrong").get("/metrics").status_code == 200

    assert scrape().added_since(before, "mcp_requests_total") == {}
    assert journal.path is None


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"])
def test_other_methods_are_refused_in_the_shape(outsider: Api, method: str) -> None:
    response = outsider(method, "/metrics")

    assert (response.status_code, response.json()["code"]) == (405, "METHOD_NOT_ALLOWED")
    assert response["Allow"] == "GET, HEAD"


def test_head_has_no_body(outsider: Api) -> None:
    response = outsider("HEAD", "/metrics")

    assert (response.status_code, response.content) == (200, b"")
    assert int(response["Content-Length"]) > 0


@pytest.mark.parametrize(
    ("host", "status"),
    [("10.0.0.7:8000", 200), ("[2001:db8::7]:8000", 200), ("localhost", 200), ("rebound.example.com", 400), ("", 400)],
)
def test_prometheus_may_ask_by_address_and_a_page_that_was_led_here_may_not(
    outsider: Api, host: str, status: int
) -> None:
    assert outsider.get("/metrics", Host=host).status_code == status
    assert outsider.get("/api/schema", Host="10.0.0.7:8000").status_code == 400


def test_page_describes_every_metric_and_no_other(owner: Api, outsider: Api) -> None:
    owner.get("/api/models")
    outsider.get("/api/models")
    count_refusal(MALFORMED, "127.0.0.1", "a-request-id")
    journal_lag.waiting_bytes(settings.USAGE_JOURNAL_DIR)
    page = (Path(__file__).resolve().parents[2] / "docs" / "metrics.md").read_text()

    described = re.findall(r"^\| `(mcp_\w+)` \| (\w+) \|([^|]*)\|", page, re.MULTILINE)
    assert {(name, kind, frozenset(re.findall(r"`(\w+)`", of))) for name, kind, of in described} == {
        (
            name + "_total" * (family.type == "counter"),
            family.type,
            frozenset(family.samples[0].labels) - {"le"},
        )
        for name, family in scrape().families.items()
    }
    used = set(re.findall(r"mcp_[a-z_]+", page))
    assert {re.sub("_(bucket|sum|count)$", "", name) for name in used} == {name for name, _, _ in described}
