"""Every exception of every layer as a response, in the shape of the request's protocol.

The shape of the service's own API:

    {"detail", "code", "timestamp", "request_id"}, and "errors": [{"field", "code", "detail"}] on validation
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import structlog
from django.conf import settings
from django.core import exceptions as django
from django.db import DatabaseError, DataError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from psycopg import errors
from psycopg_pool import PoolTimeout
from rest_framework import exceptions
from rest_framework.serializers import as_serializer_error

from mcp_project.errors import (
    BadRequest,
    DatabaseBusy,
    DatabaseTimeout,
    DatabaseUnavailable,
    DomainError,
    Fault,
    FieldError,
    Forbidden,
    Invalid,
    NotFound,
)
from mcp_project.http.call import Call, Request
from mcp_project.http.codes import (
    InvalidHost,
    MalformedJSON,
    PayloadTooLarge,
    UnsupportedMediaType,
    error_with,
    status_of,
)
from mcp_project.http.protocols import Rendered
from mcp_project.serving.folding import FoldedWarning

log = structlog.get_logger()

_warnings: dict[type[DomainError], FoldedWarning] = {
    error: FoldedWarning(error.code.lower()) for error in (DatabaseUnavailable, DatabaseBusy, DatabaseTimeout)
}


def render_error(error: DomainError, request_id: str | None) -> Rendered:
    """The shape of the service's own API, and of errors outside all protocols."""
    body: dict[str, Any] = {
        "detail": error.detail,
        "code": error.code,
        "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "request_id": request_id,
    }
    if isinstance(error, Invalid):
        body["errors"] = [wrong._asdict() for wrong in error.errors]
    return Rendered(status_of(type(error)), body)


def rendered(call: Call | None, error: DomainError) -> Rendered:
    """The error in the shape of the call's protocol; None stands for a request that has no call yet."""
    render = render_error if call is None or call.protocol is None else call.protocol.render_error
    return render(error, None if call is None else call.id)


def error_response(request: HttpRequest, error: DomainError, headers: Mapping[str, str] | None = None) -> HttpResponse:
    """The response in the shape of the request's protocol. The error's code is noted on the call."""
    call: Call | None = getattr(request, "call", None)
    status, body = rendered(call, error)
    response = JsonResponse(body, status=status, headers=headers)
    if error.retry_after is not None:
        response["Retry-After"] = str(error.retry_after)
    if call is not None:
        call.error_code = error.code
    response["Content-Length"] = str(len(response.content))  # HostMiddleware may be further in than this
    if request.method == "HEAD":
        response.content = b""
    return response


def exception_response(request: HttpRequest, exception: Exception) -> HttpResponse:
    """The response to a request that ended in an exception, which is logged if an operator would act on it."""
    error = from_exception(exception)
    report(exception, error)
    return error_response(request, error)


def exception_handler(exception: Exception, context: dict[str, Any]) -> HttpResponse:
    """DRF's EXCEPTION_HANDLER: every exception of every view becomes a response in the shape."""
    return exception_response(context["request"], exception)


def from_exception(exception: BaseException | None) -> DomainError:  # noqa: PLR0911  (a table)
    """The error that clients see of any exception."""
    match exception:
        case DomainError():
            return exception
        case Http404() | exceptions.NotFound():
            return NotFound()
        case django.PermissionDenied() | exceptions.PermissionDenied():
            return Forbidden()
        case exceptions.ValidationError() | django.ValidationError():
            return Invalid(*field_errors(as_serializer_error(exception)))
        case exceptions.ParseError():
            return MalformedJSON(str(exception.detail))
        case django.DisallowedHost():
            return InvalidHost()
        case django.RequestDataTooBig():
            return PayloadTooLarge()
        # DataError: a value that PostgreSQL cannot hold.
        case django.SuspiciousOperation() | django.BadRequest() | DataError():
            return BadRequest()
        case DatabaseError() | InterfaceError() if (error := _database_error(exception)) is not None:
            return error(retry_after=1)
        case exceptions.UnsupportedMediaType():
            return UnsupportedMediaType("Send JSON, with Content-Type: application/json.")
        case exceptions.APIException():
            error = error_with(exception.status_code)
            return error(str(exception.detail)) if status_of(error) == exception.status_code else Fault()
        case _:
            return Fault()


def _database_error(exception: Exception) -> type[DomainError] | None:
    """None for an error that is a fault of this service."""
    match exception.__cause__:
        # PoolTimeout: the database answers, and all connections of the worker's pool are in use.
        case errors.LockNotAvailable() | errors.DeadlockDetected() | errors.SerializationFailure() | PoolTimeout():
            return DatabaseBusy
        case errors.QueryCanceled():
            return DatabaseTimeout
        # FeatureNotSupported: a standby has no unlogged table.
        case errors.ReadOnlySqlTransaction() | errors.IdleInTransactionSessionTimeout() | errors.FeatureNotSupported():
            return DatabaseUnavailable
    return DatabaseUnavailable if isinstance(exception, OperationalError | InterfaceError) else None


def report(exception: BaseException, error: DomainError) -> None:
    """Log what an operator would act on: an unforeseen fault, with its traceback, or a failing database."""
    warning = _warnings.get(type(error))
    if isinstance(error, Fault):
        log.error("internal_error", exc_info=exception)
    elif warning is not None:
        warning.report(exception)


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
        yield FieldError(path or "body", str(detail), str(getattr(detail, "code", "invalid")))


def is_for_staff(request: HttpRequest) -> bool:
    """Whether the response is for a browser under /admin/: there, and nowhere else, errors are HTML."""
    return request.path_info == "/admin" or request.path_info.startswith("/admin/")


def in_shape(request: Request, response: HttpResponse) -> HttpResponse:
    """The response itself; an error that another layer (Django, a library) worded in its own way is rendered anew, in
    the shape of the request's protocol."""
    if response.status_code < 400 or request.call.error_code is not None:
        return response
    if is_for_staff(request) or request.path_info.startswith(settings.STATIC_URL):
        return response
    headers = {name: value for name, value in response.items() if not name.lower().startswith("content-")}
    return error_response(request, error_with(response.status_code)(), headers)
