"""One shape for every failure of every layer."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import InternalError, NotSupportedError, OperationalError
from psycopg import errors

from keys.crypto import KeyGenerator
from keys.models import APIKey
from mcp_project.database.initialise import connection_parameters
from mcp_project.http.codes import CODES
from tests.support.api import Api, api
from tests.support.error_shape import check_shape

NOBODY = "01900000-0000-7000-8000-000000000000"

# name of the actor, method, path, body, headers → status, code
WAYS_TO_FAIL: dict[str, tuple[str, str, str, Any, dict[str, str], int, str]] = {
    "no key": ("outsider", "GET", "/api/models", None, {}, 401, "API_KEY_MISSING"),
    "wrong key": ("outsider", "GET", "/api/models", None, {"X_API_Key": "x"}, 401, "INVALID_API_KEY"),
    "unknown path without key": ("outsider", "GET", "/api/x", None, {}, 401, "API_KEY_MISSING"),
    "lacks permission": ("teammate", "POST", "/api/models", {"name": "m"}, {}, 403, "PERMISSION_DENIED"),
    "unknown path": ("owner", "GET", "/api/x", None, {}, 404, "NOT_FOUND"),
    "unknown path outside": ("outsider", "GET", "/x/y", None, {}, 404, "NOT_FOUND"),
    "two slashes": ("owner", "GET", "/api/models//", None, {}, 404, "NOT_FOUND"),
    "wrong method": ("owner", "PUT", "/api/models", {}, {}, 405, "METHOD_NOT_ALLOWED"),
    "invented method": ("owner", "FETCH", "/api/models", {}, {}, 405, "METHOD_NOT_ALLOWED"),
    "post to health": ("outsider", "POST", "/health", {}, {}, 405, "METHOD_NOT_ALLOWED"),
    "post to schema": ("outsider", "POST", "/api/schema", {}, {}, 405, "METHOD_NOT_ALLOWED"),
    "post to index": ("outsider", "POST", "/", {}, {}, 405, "METHOD_NOT_ALLOWED"),
    "broken json": ("owner", "POST", "/api/models", b'{"name": ', {}, 400, "MALFORMED_JSON"),
    "invalid utf-8": ("owner", "POST", "/api/models", b'{"name": "\xff"}', {}, 400, "MALFORMED_JSON"),
    "nul in a string": ("owner", "POST", "/api/models", b'{"name": "a\\u0000"}', {}, 400, "MALFORMED_JSON"),
    "nul in a key": ("owner", "POST", "/api/models", b'{"metadata": {"\\u0000": 1}}', {}, 400, "MALFORMED_JSON"),
    "half a surrogate": ("owner", "POST", "/api/models", b'{"name": "\\ud800"}', {}, 400, "MALFORMED_JSON"),
    "infinity": ("owner", "POST", "/api/models", b'{"metadata": {"a": 1e999}}', {}, 400, "MALFORMED_JSON"),
    "not a number": ("owner", "POST", "/api/models", b'{"metadata": {"a": NaN}}', {}, 400, "MALFORMED_JSON"),
    "digits": ("owner", "POST", "/api/models", b'{"metadata": ' + b"9" * 5000 + b"}", {}, 400, "MALFORMED_JSON"),
    "nested 100": ("owner", "POST", "/api/models", b"[" * 100 + b"]" * 100, {}, 400, "MALFORMED_JSON"),
    "nested 100,000": ("owner", "POST", "/api/models", b"[" * 100_000 + b"]" * 100_000, {}, 400, "MALFORMED_JSON"),
    "a list": ("owner", "POST", "/api/models", [{"name": "m"}], {}, 400, "VALIDATION_ERROR"),
    "a number": ("owner", "POST", "/api/models", 7, {}, 400, "VALIDATION_ERROR"),
    "null": ("owner", "POST", "/api/models", b"null", {}, 400, "VALIDATION_ERROR"),
    "a string": ("owner", "POST", "/api/models", "m", {}, 400, "VALIDATION_ERROR"),
    "empty body": ("owner", "POST", "/api/models", None, {}, 400, "VALIDATION_ERROR"),
    "unknown field": ("owner", "POST", "/api/models", {"name": "m", "x": 1}, {}, 400, "VALIDATION_ERROR"),
    "10 MB": ("owner", "POST", "/api/models", b" " * 10_000_000, {}, 413, "PAYLOAD_TOO_LARGE"),
    "chunked": ("owner", "POST", "/api/models", None, {"Transfer_Encoding": "chunked"}, 411, "LENGTH_REQUIRED"),
    "form": ("owner", "POST", "/api/models", b"name=m", {"Content_Type": "application/x-www-form-urlencoded"}, 415,
             "UNSUPPORTED_MEDIA_TYPE"),
    "empty idempotency key": ("owner", "POST", "/api/models", {"name": "m"}, {"Idempotency_Key": ""}, 400,
             "VALIDATION_ERROR"),
    "unknown type": ("owner", "POST", "/api/models", b"x", {"Content_Type": "x/y"}, 415, "UNSUPPORTED_MEDIA_TYPE"),
    "unknown host": ("owner", "GET", "/api/models", None, {"Host": "evil.example"}, 400, "INVALID_HOST"),
    "unknown host outside": ("outsider", "GET", "/api/docs", None, {"Host": "evil.example"}, 400, "INVALID_HOST"),
    "no If-Match": ("admin", "PATCH", f"/api/keys/{NOBODY}", {"name": "n"}, {}, 428, "PRECONDITION_REQUIRED"),
    "unknown key": ("admin", "PATCH", f"/api/keys/{NOBODY}", {"name": "n"}, {"If_Match": "*"}, 404, "NOT_FOUND"),
    "unknown parameter": ("owner", "GET", "/api/models?ownr=x", None, {}, 400, "VALIDATION_ERROR"),
    "bad cursor": ("owner", "GET", "/api/models?cursor=x", None, {}, 400, "INVALID_CURSOR"),
    "bad limit": ("owner", "GET", "/api/models?limit=x", None, {}, 400, "VALIDATION_ERROR"),
}  # fmt: skip


@pytest.mark.parametrize("debug", [False, True], ids=["production", "debug"])
@pytest.mark.parametrize("way", WAYS_TO_FAIL)
def test_failure_has_the_shape(way: str, debug: bool, request: pytest.FixtureRequest, settings: Any) -> None:
    actor, method, path, body, headers, status, code = WAYS_TO_FAIL[way]
    caller: Api = request.getfixturevalue("owner" if actor == "owner" else actor)
    request.getfixturevalue("db")
    settings.DEBUG = debug

    response = caller(method, path, body, **headers)

    check_shape(response, status, code)


def test_taken_name_has_the_shape(owner: Api) -> None:
    owner.post("/api/models", {"name": "m"})

    check_shape(owner.post("/api/models", {"name": "m"}), 409, "CONFLICT")


def test_another_request_with_an_idempotency_key_has_the_shape(owner: Api) -> None:
    owner.post("/api/models", {"name": "m"}, Idempotency_Key="a")

    response = owner.post("/api/models", {"name": "n"}, Idempotency_Key="a")

    check_shape(response, 409, "IDEMPOTENCY_KEY_REUSED")


def test_idempotency_key_of_which_nothing_can_be_kept_has_the_shape(owner: Api, settings: Any) -> None:
    settings.IDEMPOTENCY_MAX_BYTES = 0

    check_shape(owner.post("/api/models", {"name": "m"}, Idempotency_Key="a"), 409, "IDEMPOTENCY_STORE_FULL")


def test_repeat_that_has_waited_too_long_has_the_shape(owner: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mcp_project.idempotency.claims.PATIENCE", "10ms")
    with psycopg.connect(**connection_parameters()) as first:
        first.execute("SELECT idempotency_claim(%s, 'a', '', '1 day', '1s')", [owner.row.pk])
        response = owner.post("/api/models", {"name": "m"}, Idempotency_Key="a")
        first.rollback()

    check_shape(response, 409, "IDEMPOTENCY_KEY_IN_USE")
    assert response["Retry-After"] == "1"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"expires_at": datetime(2001, 1, 1, tzinfo=UTC)}, "API_KEY_EXPIRED"),
        ({"revoked_at": datetime(2001, 1, 1, tzinfo=UTC)}, "API_KEY_REVOKED"),
        ({"enabled": False}, "API_KEY_DISABLED"),
        ({"allowed_ips": ["192.0.2.7"]}, "IP_NOT_ALLOWED"),
    ],
)
def test_key_that_has_ended_has_the_shape(owner: Api, change: dict[str, Any], code: str) -> None:
    APIKey.objects.filter(pk=owner.row.pk).update(**change)

    check_shape(owner.get("/api/models"), 401, code)


def test_too_many_wrong_keys_have_the_shape(db: None, settings: Any) -> None:
    settings.AUTH_FAILURE_RATE = "1/h"
    for _ in range(3):
        response = Api(KeyGenerator().generate()[0]).get("/api/models")

    check_shape(response, 429, "TOO_MANY_FAILURES")


def test_unreadable_length_has_the_shape(owner: Api) -> None:
    check_shape(owner.post("/api/models", {}, Content_Length="ten"), 400, "BAD_REQUEST")


def test_change_of_what_has_changed_has_the_shape(admin: Api, owner: Api) -> None:
    response = admin("PATCH", f"/api/keys/{owner.row.pk}", {"name": "n"}, If_Match='"99"')

    check_shape(response, 412, "PRECONDITION_FAILED")


def test_used_up_rate_has_the_shape(db: None) -> None:
    caller = api("eager", "read", rate_limit="1/d")
    caller.get("/api/models")

    check_shape(caller.get("/api/models"), 429, "RATE_LIMIT_EXCEEDED")


def test_used_up_quota_has_the_shape(db: None) -> None:
    caller = api("eager", "read", daily_quota=1)
    caller.get("/api/models")

    check_shape(caller.get("/api/models"), 429, "QUOTA_EXCEEDED")


def test_absent_counters_have_the_shape(owner: Api, lose_counters: Callable[[], None]) -> None:
    lose_counters()

    response = owner.post("/api/models", {"name": "m"})

    body = check_shape(response, 503, "LIMITER_UNAVAILABLE")
    assert response["Retry-After"] == "1"
    assert "10.0.0.1" not in str(body)


def test_request_that_cannot_be_recorded_has_the_shape(owner: Api, settings: Any) -> None:
    settings.USAGE_JOURNAL_DIR = Path("/dev/null/usage")

    check_shape(owner.get("/api/models"), 503, "USAGE_UNAVAILABLE")


@pytest.mark.parametrize("debug", [False, True], ids=["production", "debug"])
@pytest.mark.parametrize(
    "where",
    ["registry.services.models.register_model", "keys.admission.limiter.spend", "keys.admission.authenticate",
     "usage.middleware.event_of"],
)  # fmt: skip
def test_unforeseen_fault_has_the_shape_and_tells_nothing(
    where: str, debug: bool, owner: Api, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("the insides")

    settings.DEBUG = debug
    monkeypatch.setattr(where, fail)

    response = owner.post("/api/models", {"name": "m"})

    body = check_shape(response, 500, "INTERNAL_ERROR")
    assert "insides" not in str(body)


@pytest.mark.parametrize("where", ["registry.services.models.register_model", "keys.admission.authenticate"])
def test_absent_database_has_the_shape(where: str, owner: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OperationalError("connection refused by 10.0.0.1")

    monkeypatch.setattr(where, fail)

    response = owner.post("/api/models", {"name": "m"})

    body = check_shape(response, 503, "DATABASE_UNAVAILABLE")
    assert response["Retry-After"] == "1"
    assert "10.0.0.1" not in str(body)


@pytest.mark.parametrize(
    ("wrapper", "cause", "code"),
    [
        (OperationalError, errors.LockNotAvailable, "DATABASE_BUSY"),
        (OperationalError, errors.DeadlockDetected, "DATABASE_BUSY"),
        (OperationalError, errors.SerializationFailure, "DATABASE_BUSY"),
        (OperationalError, errors.QueryCanceled, "DATABASE_TIMEOUT"),
        (OperationalError, errors.AdminShutdown, "DATABASE_UNAVAILABLE"),
        (InternalError, errors.ReadOnlySqlTransaction, "DATABASE_UNAVAILABLE"),
        (InternalError, errors.IdleInTransactionSessionTimeout, "DATABASE_UNAVAILABLE"),
        (NotSupportedError, errors.FeatureNotSupported, "DATABASE_UNAVAILABLE"),
    ],
)
@pytest.mark.parametrize("where", ["registry.services.models.register_model", "keys.admission.authenticate"])
def test_each_failure_of_the_database_has_the_shape(
    where: str,
    wrapper: type[Exception],
    cause: type[Exception],
    code: str,
    owner: Api,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise wrapper("of the server at 10.0.0.1") from cause("of the server at 10.0.0.1")

    monkeypatch.setattr(where, fail)

    response = owner.post("/api/models", {"name": "m"})

    body = check_shape(response, 503, code)
    assert response["Retry-After"] == "1"
    assert "10.0.0.1" not in str(body)


def test_wrong_method_names_the_right_ones(owner: Api) -> None:
    assert "POST" in owner("PUT", "/api/models")["Allow"]


def test_errors_of_the_admin_are_html(outsider: Api, db: None) -> None:
    response = outsider.get("/admin/nothing/here/")

    assert response.status_code in {302, 404}
    assert "json" not in response["Content-Type"]


def test_every_code_has_a_sentence_and_a_name_in_capitals() -> None:
    for name, code in CODES.items():
        assert re.fullmatch(r"[A-Z_]+", name)
        assert 400 <= code.status <= 503
        assert code.meaning.endswith(".")


def test_unknown_fields_are_named_with_those_that_are_wrong_or_missing(owner: Api) -> None:
    answer = owner.post("/api/models", {"Name": "x", "tags": 1})

    assert {error["field"]: error["code"] for error in answer.json()["errors"]} == {
        "name": "required", "Name": "unknown_field", "tags": "not_a_dict",
    }  # fmt: skip


def test_place_in_a_body_that_is_no_json_is_told(owner: Api) -> None:
    answer = owner.post("/api/models", b'{"name": "x",}')

    assert "line 1, column 1" in answer.json()["detail"]
