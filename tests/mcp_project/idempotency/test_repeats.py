"""Idempotency-Key, in process."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.test.utils import CaptureQueriesContext
from psycopg.errors import QueryCanceled

from keys.limits.stores import postgresql
from keys.models import APIKey
from mcp_project.audit.models import AuditEntry
from mcp_project.errors import error_classes
from mcp_project.idempotency.models import KeptResponse
from registry.models import RegisteredModel
from registry.rest.views.models import ModelListView
from tests.support.api import Api, api, drain_own_journal
from tests.support.error_shape import check_shape
from usage.models import Event

pytestmark = pytest.mark.usefixtures("stopped_clock")

KEY = {"name": "n", "owner": "ann", "permissions": ["read"]}
OF_EACH_REQUEST = {"X-Request-ID", "Idempotency-Replayed"}


def test_repeat_gets_the_first_answer_and_does_nothing(admin: Api) -> None:
    first = admin.post("/api/keys", KEY, Idempotency_Key="a")
    again = admin.post("/api/keys", KEY, Idempotency_Key="a")

    assert first.status_code == again.status_code == 201
    assert first.content == again.content
    assert Api(again.json()["key"]).get("/api/models").status_code == 200
    assert APIKey.objects.filter(name="n").count() == AuditEntry.objects.filter(object_name="n").count() == 1
    told = [{name: value for name, value in answer.items() if name not in OF_EACH_REQUEST and "RateLimit" not in name}
            for answer in (first, again)]  # fmt: skip
    assert told[0] == told[1]
    assert {"Location", "ETag", "Cache-Control", "Content-Type", "Vary"} <= set(told[0])
    assert (first.get("Idempotency-Replayed"), again["Idempotency-Replayed"]) == (None, "true")
    assert first["X-Request-ID"] != again["X-Request-ID"]


def test_repeat_is_limited_and_recorded_as_any_request(db: None) -> None:
    writer = api("writer", "read", "write", rate_limit="2/d")
    answers = [writer.post("/api/models", {"name": "m"}, Idempotency_Key="a") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [201, 201, 429]
    assert [answer["X-RateLimit-Remaining"] for answer in answers] == ["1", "0", "0"]
    drain_own_journal()
    model = RegisteredModel.objects.get().pk
    recorded = Event.objects.order_by("time").values_list("status", "route", "model_id")
    assert list(recorded) == [(201, "model-list", model), (201, "model-list", model), (429, "model-list", None)]


def test_repeat_is_authenticated(admin: Api) -> None:
    admin.post("/api/keys", KEY, Idempotency_Key="a")

    check_shape(Api().post("/api/keys", KEY, Idempotency_Key="a"), 401, "API_KEY_MISSING")


def test_path_with_and_without_a_slash_is_the_same(owner: Api) -> None:
    first = owner.post("/api/models", {"name": "m"}, Idempotency_Key="a")

    assert owner.post("/api/models/", {"name": "m"}, Idempotency_Key="a").content == first.content


@pytest.mark.parametrize(
    ("path", "body"),
    [("/api/models", {"name": "other"}), ("/api/keys", {"name": "m"}), ("/api/models?a=b", {"name": "m"})],
    ids=["body", "path", "query"],
)
def test_another_request_with_the_same_key_is_refused(owner: Api, path: str, body: Any) -> None:
    owner.post("/api/models", {"name": "m"}, Idempotency_Key="a")

    check_shape(owner.post(path, body, Idempotency_Key="a"), 409, "IDEMPOTENCY_KEY_REUSED")
    assert RegisteredModel.objects.count() == 1
    assert owner.post("/api/models", {"name": "m"}, Idempotency_Key="a").status_code == 201, "the first one stands"


def test_keys_of_different_callers_are_independent(owner: Api, admin: Api) -> None:
    answers = [
        who.post("/api/models", {"name": name}, Idempotency_Key="a") for who, name in ((owner, "m"), (admin, "n"))
    ]

    assert [answer.json()["name"] for answer in answers] == ["m", "n"]


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/api/models", {"name": ""}, 400, "VALIDATION_ERROR"),
        ("/api/models", b"{", 400, "MALFORMED_JSON"),
        ("/api/nothing", {}, 404, "NOT_FOUND"),
        ("/api/usage", {}, 405, "METHOD_NOT_ALLOWED"),
        ("/api/models", {"name": "taken"}, 409, "CONFLICT"),
    ],
)
def test_what_the_view_refused_stays_refused(owner: Api, path: str, body: Any, status: int, code: str) -> None:
    owner.post("/api/models", {"name": "taken"})
    first = owner.post(path, body, Idempotency_Key="a")
    RegisteredModel.objects.all().delete()
    again = owner.post(path, body, Idempotency_Key="a")

    check_shape(first, status, code)
    assert (again.status_code, again.content, again["Idempotency-Replayed"]) == (status, first.content, "true")
    assert again.get("Allow") == first.get("Allow")
    drain_own_journal()
    assert Event.objects.filter(status=status, code=code).count() == 2


def answering(response: Callable[[], HttpResponseBase]) -> Callable[..., Any]:
    """A view that does its work and then answers so."""
    real = ModelListView.create

    def create(*call: Any, **words: Any) -> Any:
        real(*call, **words)
        return response()

    return create


def refuse(code: str) -> HttpResponse:
    raise error_classes()[code]


@pytest.mark.parametrize(
    ("response", "status"),
    [
        (lambda: refuse("API_KEY_REVOKED"), 401),
        (lambda: refuse("PERMISSION_DENIED"), 403),
        (lambda: refuse("TOO_MANY_FAILURES"), 429),
        (lambda: refuse("INTERNAL_ERROR"), 500),
        (lambda: HttpResponse(status=500), 500),
        (lambda: HttpResponse(status=503), 503),
    ],
)
def test_what_is_not_the_views_last_word_is_undone_and_not_kept(
    owner: Api, monkeypatch: pytest.MonkeyPatch, response: Callable[[], HttpResponse], status: int
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(ModelListView, "create", answering(response))
        assert owner.post("/api/models", {"name": "m"}, Idempotency_Key="a").status_code == status
        assert not RegisteredModel.objects.exists()
        assert not KeptResponse.objects.exists()

    again = owner.post("/api/models", {"name": "m"}, Idempotency_Key="a")
    assert (again.status_code, again.get("Idempotency-Replayed")) == (201, None)


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [(RuntimeError, 500, "INTERNAL_ERROR"), (OperationalError, 503, "DATABASE_UNAVAILABLE")],
)
@pytest.mark.parametrize("where", ["registry.services.models.trail.record", "mcp_project.idempotency.claims.Claim.find",
                                   "mcp_project.idempotency.claims.Claim.keep"])  # fmt: skip
def test_failure_is_undone_and_has_the_shape(
    owner: Api, monkeypatch: pytest.MonkeyPatch, where: str, error: type[Exception], status: int, code: str
) -> None:
    def fail(*_: Any) -> None:
        raise error("the insides")

    with monkeypatch.context() as patch:
        patch.setattr(where, fail)
        check_shape(owner.post("/api/models", {"name": "m"}, Idempotency_Key="a"), status, code)
        assert not RegisteredModel.objects.exists()

    assert owner.post("/api/models", {"name": "m"}, Idempotency_Key="a").status_code == 201


def test_failed_statement_that_the_limiter_took_for_an_answer_is_undone(
    owner: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = api("gateway", "verify")
    execute = postgresql._execute

    def fail_in_the_view(session: Any, parameters: list[Any]) -> bytes:
        if parameters[0] != owner.row.pool_id.hex.encode():
            return execute(session, parameters)
        session.pgconn.exec_(b"SELECT 1/0")
        raise QueryCanceled("canceling statement due to user request")

    monkeypatch.setattr(postgresql, "_execute", fail_in_the_view)
    question = {"key": owner.key, "consume": True}

    assert gateway.post("/api/keys/verify", question, Idempotency_Key="a").status_code == 503
    assert not KeptResponse.objects.exists()


def test_answer_that_is_made_while_it_is_sent_is_not_kept(owner: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ModelListView, "create", answering(lambda: StreamingHttpResponse([b"a", b"b"])))
    response = owner.post("/api/models", {"name": "m"}, Idempotency_Key="a")

    assert b"".join(response.streaming_content) == b"ab"  # type: ignore[attr-defined]
    assert RegisteredModel.objects.exists()
    assert not KeptResponse.objects.exists()


@pytest.mark.parametrize("given", ["", "x" * 256, "tab\there", "schön", "\x7f"])
def test_impossible_key_is_refused(owner: Api, given: str) -> None:
    body = check_shape(owner.post("/api/models", {"name": "m"}, Idempotency_Key=given), 400, "VALIDATION_ERROR")

    assert [error["field"] for error in body["errors"]] == ["Idempotency-Key"]
    assert not RegisteredModel.objects.exists()


@pytest.mark.parametrize("given", ["x", "~" * 255, '"quoted, as the draft has it"', "ab\\'; --"])
def test_possible_key_is_taken(owner: Api, given: str) -> None:
    answers = [owner.post("/api/models", {"name": "m"}, Idempotency_Key=given) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [201, 201]


def test_request_without_the_header_costs_no_query_more(owner: Api) -> None:
    owner.post("/api/models", {"name": "warm"})
    counts = []
    for headers in ({}, {"Idempotency_Key": "a"}, {"Idempotency_Key": "a"}):
        with CaptureQueriesContext(connection) as queries:
            owner.post("/api/models", {"name": f"m{'-keyed' if headers else ''}"}, **headers)
        counts.append([q["sql"] for q in queries if "idempotency_claim" in q["sql"] or "keptresponse" in q["sql"]])

    assert [len(count) for count in counts] == [0, 2, 1]


def test_other_methods_and_other_paths_ignore_the_header(owner: Api, admin: Api) -> None:
    assert owner.get("/api/models", Idempotency_Key="").status_code == 200
    any_version = {"If_Match": "*", "Idempotency_Key": "a"}
    for name in ("x", "y"):
        changed = admin("PATCH", f"/api/keys/{owner.row.pk}", {"name": name}, **any_version)
        assert changed.json()["name"] == name
    check_shape(owner.post("/health", {}, Idempotency_Key=""), 405, "METHOD_NOT_ALLOWED")
    assert not KeptResponse.objects.exists()


def test_browsers_may_send_the_header_and_read_the_answers(outsider: Api, owner: Api, settings: Any) -> None:
    settings.CORS_ALLOWED_ORIGINS = ["https://app.example.com"]
    origin = {"Origin": "https://app.example.com"}
    asked = {"Access_Control_Request_Method": "POST", "Access_Control_Request_Headers": "idempotency-key"}

    preflight = outsider("OPTIONS", "/api/models", **origin, **asked)
    answer = owner.post("/api/models", {"name": "m"}, Idempotency_Key="a", **origin)

    assert "idempotency-key" in preflight["Access-Control-Allow-Headers"]
    assert "Idempotency-Replayed" in answer["Access-Control-Expose-Headers"]


def test_every_post_is_documented_with_the_header(outsider: Api) -> None:
    document = json.loads(outsider.get("/api/schema").content)
    reference = {"$ref": "#/components/parameters/Idempotency-Key"}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            wanted = method == "post" and path.startswith("/api/")
            assert (reference in operation.get("parameters", [])) == wanted
            assert ("Idempotency-Replayed" in operation["responses"]["4XX"].get("headers", {})) == wanted
