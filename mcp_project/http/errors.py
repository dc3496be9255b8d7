"""One shape for every error of every layer, and the table of the codes.

    {"detail", "code", "timestamp", "request_id"}, and "errors": [{"field", "code", "detail"}] on validation

README's table of codes is held against CODES by a test.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

import structlog
from django.conf import settings
from django.core.exceptions import (
    BadRequest,
    DisallowedHost,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    ValidationError,
)
from django.db import DatabaseError, DataError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from psycopg import errors
from rest_framework import exceptions
from rest_framework.serializers import as_serializer_error

from mcp_project.http.call import Call, Request
from mcp_project.http.protocols import Rendered
from mcp_project.serving.folding import FoldedWarning

log = structlog.get_logger()


class Code(NamedTuple):
    status: int
    meaning: str


CODES = {
    "BAD_REQUEST": Code(400, "The request could not be understood."),
    "INVALID_HOST": Code(400, "The Host header names a host that this service does not answer for (`ALLOWED_HOSTS`)."),
    "INVALID_CURSOR": Code(400, "The cursor of a list is damaged, or from another list."),
    "MALFORMED_JSON": Code(400, "The body is not JSON that this service takes."),
    "VALIDATION_ERROR": Code(400, "The body or the query is wrong; `errors` names each field."),
    "API_KEY_MISSING": Code(401, "The request carries no API key."),
    "INVALID_API_KEY": Code(401, "The API key is not one of this service's, or two different ones were sent."),
    "API_KEY_EXPIRED": Code(401, "The key was right, and has expired."),
    "API_KEY_REVOKED": Code(401, "The key was right, and was revoked."),
    "API_KEY_DISABLED": Code(401, "The key was right, and is switched off for now."),
    "IP_NOT_ALLOWED": Code(401, "The key was right, and may not be used from this address."),
    "PERMISSION_DENIED": Code(403, "The key lacks the permission that this takes."),
    "NOT_FOUND": Code(404, "There is no such thing, or the key may not see it."),
    "METHOD_NOT_ALLOWED": Code(405, "The address exists and does not take this method; see `Allow`."),
    "REQUEST_TIMEOUT": Code(
        408, "The request came too slowly: its head takes at most 10 seconds, its body a second more for each 32 KiB."
    ),
    "CONFLICT": Code(409, "Something with that name exists already."),
    "IDEMPOTENCY_KEY_REUSED": Code(409, "The `Idempotency-Key` came with another request within the last 24 hours."),
    "IDEMPOTENCY_STORE_FULL": Code(
        409,
        "So much is kept under the API key's `Idempotency-Key`s (`IDEMPOTENCY_MAX_BYTES`) that nothing was done; "
        "send it without one, or later.",
    ),
    "IDEMPOTENCY_KEY_IN_USE": Code(
        409, "The first request with this `Idempotency-Key` is not answered yet; repeat it after `Retry-After` seconds."
    ),
    "LENGTH_REQUIRED": Code(411, "The body came in chunks, without a Content-Length."),
    "PRECONDITION_FAILED": Code(412, "It has changed since it was read; read it again and send its new `ETag`."),
    "PAYLOAD_TOO_LARGE": Code(413, "The body is over `MAX_BODY_BYTES`."),
    "URI_TOO_LONG": Code(414, "The request's first line is over 4094 bytes."),
    "UNSUPPORTED_MEDIA_TYPE": Code(415, "The body's Content-Type is not application/json."),
    "EXPECTATION_FAILED": Code(417, "The Expect header asks for something other than 100-continue."),
    "PRECONDITION_REQUIRED": Code(428, "A change takes `If-Match` with the `ETag` of what was read, or `*`."),
    "RATE_LIMIT_EXCEEDED": Code(429, "The key's rate is used up; `Retry-After` says for how many seconds."),
    "QUOTA_EXCEEDED": Code(
        429, "The key's quota of the day or the month is used up; `Retry-After` says for how many seconds."
    ),
    "TOO_MANY_FAILURES": Code(429, "Too many wrong keys or passwords came from this address."),
    "HEADERS_TOO_LARGE": Code(431, "A header is over 8190 bytes, or there are over 100, or over 64 KiB of them."),
    "INTERNAL_ERROR": Code(500, "A fault of this service; the log has it under the request id."),
    "DATABASE_UNAVAILABLE": Code(
        503, "The database cannot be reached, or takes no writes; try again after `Retry-After` seconds."
    ),
    "DATABASE_BUSY": Code(
        503, "Another request holds what this one needs in the database; try again after `Retry-After` seconds."
    ),
    "DATABASE_TIMEOUT": Code(
        503, "The database needed longer for this than `DATABASE_STATEMENT_TIMEOUT` allows; ask for less, or try again."
    ),
    "LIMITER_UNAVAILABLE": Code(
        503, "The limiter's counters cannot be reached, and this key is not admitted without them."
    ),
    "OVERLOADED": Code(
        503, "Too many requests wait, or too many bytes of them are held; try again after `Retry-After` seconds."
    ),
    "EXPORTS_BUSY": Code(503, "Other exports are being made, as many as may be at once; try again."),
    "USAGE_UNAVAILABLE": Code(503, "Requests cannot be recorded (`USAGE_WHEN_FULL`); try again."),
}
BY_STATUS = {
    400: "BAD_REQUEST",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    408: "REQUEST_TIMEOUT",
    411: "LENGTH_REQUIRED",
    412: "PRECONDITION_FAILED",
    413: "PAYLOAD_TOO_LARGE",
    414: "URI_TOO_LONG",
    415: "UNSUPPORTED_MEDIA_TYPE",
    417: "EXPECTATION_FAILED",
    429: "TOO_MANY_FAILURES",
    431: "HEADERS_TOO_LARGE",
    503: "DATABASE_UNAVAILABLE",
}

FieldError = dict[str, str]

_warnings = {
    code: FoldedWarning(code.lower()) for code in ("DATABASE_UNAVAILABLE", "DATABASE_BUSY", "DATABASE_TIMEOUT")
}


class ApiError(exceptions.APIException):
    """An answer other than the wanted one: raised in views and services, returned by middleware."""

    def __init__(
        self,
        code: str,
        detail: str | None = None,
        *,
        errors: list[FieldError] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.code = code
        self.status_code = CODES[code].status
        self.errors = errors
        self.headers = headers or {}
        super().__init__(detail or CODES[code].meaning, code)

    def response(self, request: HttpRequest) -> HttpResponse:
        """The response in the shape of the request's protocol. The error's code is noted on the call."""
        call: Call | None = getattr(request, "call", None)
        render = render_error if call is None or call.protocol is None else call.protocol.render_error
        status, body = render(self, None if call is None else call.id)
        response = JsonResponse(body, status=status, headers=dict(self.headers))
        if call is not None:
            call.error_code = self.code
        response["Content-Length"] = str(len(response.content))  # CommonMiddleware may be further in than this
        if request.method == "HEAD":
            response.content = b""
        return response


def code_of(status: int) -> str:
    """The code of an error of which only the status is known."""
    return BY_STATUS.get(status, "BAD_REQUEST" if status < 500 else "INTERNAL_ERROR")


def render_error(error: ApiError, request_id: str | None) -> Rendered:
    """The shape of the service's own API, and of errors outside all protocols."""
    body: dict[str, Any] = {
        "detail": str(error.detail),
        "code": error.code,
        "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "request_id": request_id,
    }
    if error.errors is not None:
        body["errors"] = error.errors
    return Rendered(error.status_code, body)


def from_exception(error: BaseException | None) -> ApiError:  # noqa: PLR0911  (a table)
    """What a client is told of any exception."""
    match error:
        case ApiError():
            return error
        case Http404() | exceptions.NotFound():
            return ApiError("NOT_FOUND")
        case PermissionDenied() | exceptions.PermissionDenied():
            return ApiError("PERMISSION_DENIED")
        case exceptions.ValidationError() | ValidationError():
            return ApiError("VALIDATION_ERROR", errors=list(field_errors(as_serializer_error(error))))
        case exceptions.ParseError():
            return ApiError("MALFORMED_JSON", str(error.detail))
        case DisallowedHost():
            return ApiError("INVALID_HOST")
        case RequestDataTooBig():
            return ApiError("PAYLOAD_TOO_LARGE")
        case SuspiciousOperation() | BadRequest() | DataError():  # the last: a value that PostgreSQL cannot hold
            return ApiError("BAD_REQUEST")
        case DatabaseError() | InterfaceError() if (code := _code_of_database_error(error)) is not None:
            return ApiError(code, headers={"Retry-After": "1"})
        case exceptions.UnsupportedMediaType():
            return ApiError("UNSUPPORTED_MEDIA_TYPE", "Send JSON, with Content-Type: application/json.")
        case exceptions.APIException() if error.status_code in BY_STATUS:
            return ApiError(BY_STATUS[error.status_code], str(error.detail))
        case _:
            return ApiError("INTERNAL_ERROR")


def _code_of_database_error(error: Exception) -> str | None:
    """None for an error that is a fault of this service."""
    match error.__cause__:
        case errors.LockNotAvailable() | errors.DeadlockDetected() | errors.SerializationFailure():
            return "DATABASE_BUSY"
        case errors.QueryCanceled():
            return "DATABASE_TIMEOUT"
        # FeatureNotSupported: a standby has no unlogged table.
        case errors.ReadOnlySqlTransaction() | errors.IdleInTransactionSessionTimeout() | errors.FeatureNotSupported():
            return "DATABASE_UNAVAILABLE"
    return "DATABASE_UNAVAILABLE" if isinstance(error, OperationalError | InterfaceError) else None


def report(error: BaseException, answer: ApiError) -> None:
    """Log what an operator would act on: an unforeseen fault, with its traceback, or a failing database."""
    if answer.code == "INTERNAL_ERROR":
        log.error("internal_error", exc_info=error)
    elif answer.code in _warnings:
        _warnings[answer.code].report(error)


def field_errors(detail: Any, path: str = "") -> Iterator[FieldError]:
    """DRF's nested details as a flat list; a field within a field is named `outer.inner`."""
    if isinstance(detail, dict):
        for name, inner in detail.items():
            own = "" if name == "non_field_errors" else str(name)
            yield from field_errors(inner, ".".join(part for part in (path, own) if part))
    elif isinstance(detail, list):
        for inner in detail:
            yield from field_errors(inner, path)
    else:
        yield {
            "field": path or "body",
            "code": str(getattr(detail, "code", "invalid")),
            "detail": str(detail),
        }


def refuse(request: HttpRequest, error: Exception) -> HttpResponse:
    """The answer to a request that ended in an exception, which is logged if an operator would act on it."""
    answer = from_exception(error)
    report(error, answer)
    return answer.response(request)


def exception_handler(error: Exception, context: dict[str, Any]) -> HttpResponse:
    """DRF's EXCEPTION_HANDLER: every exception of every view becomes an answer in the shape."""
    return refuse(context["request"], error)


def is_for_staff(request: HttpRequest) -> bool:
    """Whether the answer is for a browser under /admin/: there, and nowhere else, errors are HTML."""
    return request.path_info == "/admin" or request.path_info.startswith("/admin/")


def in_shape(request: Request, response: HttpResponse) -> HttpResponse:
    """The response itself; an error that another layer (Django, a library) worded in its own way is rendered anew, in
    the shape of the request's protocol."""
    if response.status_code < 400 or request.call.error_code is not None:
        return response
    if is_for_staff(request) or request.path_info.startswith(settings.STATIC_URL):
        return response
    headers = {name: value for name, value in response.items() if not name.lower().startswith("content-")}
    return ApiError(code_of(response.status_code), headers=headers).response(request)
