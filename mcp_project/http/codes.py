"""The errors that only HTTP has, and the status of every error. README has the table of codes, held by a test."""

from typing import NamedTuple

from mcp_project.errors import (
    BadRequest,
    Conflict,
    DatabaseUnavailable,
    DomainError,
    Fault,
    Forbidden,
    Limited,
    NotFound,
    Stale,
    Unauthenticated,
    Unavailable,
    error_classes,
)


class InvalidHost(BadRequest):
    code = "INVALID_HOST"
    meaning = "The Host header names a host that this service does not answer for (`ALLOWED_HOSTS`)."


class MalformedJSON(BadRequest):
    code = "MALFORMED_JSON"
    meaning = "The body is not JSON that this service takes."


class MethodNotAllowed(DomainError):
    code = "METHOD_NOT_ALLOWED"
    meaning = "The address exists and does not take this method; see `Allow`."


class RequestTimeout(DomainError):
    code = "REQUEST_TIMEOUT"
    meaning = "The request came too slowly: its head takes at most 10 seconds, its body a second more for each 32 KiB."


class LengthRequired(DomainError):
    code = "LENGTH_REQUIRED"
    meaning = "The body came in chunks, without a Content-Length."


class PayloadTooLarge(DomainError):
    code = "PAYLOAD_TOO_LARGE"
    meaning = "The body is over `MAX_BODY_BYTES`."


class URITooLong(DomainError):
    code = "URI_TOO_LONG"
    meaning = "The request's first line is over 4094 bytes."


class UnsupportedMediaType(DomainError):
    code = "UNSUPPORTED_MEDIA_TYPE"
    meaning = "The body's Content-Type is not application/json."


class ExpectationFailed(DomainError):
    code = "EXPECTATION_FAILED"
    meaning = "The Expect header asks for something other than 100-continue."


class PreconditionRequired(DomainError):
    code = "PRECONDITION_REQUIRED"
    meaning = "A change takes `If-Match` with the `ETag` of what was read, or `*`."


class HeadersTooLarge(DomainError):
    code = "HEADERS_TOO_LARGE"
    meaning = "A header is over 8190 bytes, or there are over 100, or over 64 KiB of them."


class Overloaded(Unavailable):
    code = "OVERLOADED"
    meaning = "Too many requests wait, or too many bytes of them are held; try again after `Retry-After` seconds."


class ExportsBusy(Unavailable):
    code = "EXPORTS_BUSY"
    meaning = "Other exports are being made, as many as may be at once; try again."


STATUSES: dict[type[DomainError], int] = {
    BadRequest: 400,
    Unauthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    MethodNotAllowed: 405,
    RequestTimeout: 408,
    Conflict: 409,
    LengthRequired: 411,
    Stale: 412,
    PayloadTooLarge: 413,
    URITooLong: 414,
    UnsupportedMediaType: 415,
    ExpectationFailed: 417,
    PreconditionRequired: 428,
    Limited: 429,
    HeadersTooLarge: 431,
    Fault: 500,
    Unavailable: 503,
}
_BY_STATUS = {status: error for error, status in STATUSES.items() if "code" in vars(error)} | {
    503: DatabaseUnavailable,
}


def status_of(error: type[DomainError]) -> int:
    """The HTTP status of an error, by its kind."""
    return next(STATUSES[kind] for kind in error.__mro__ if kind in STATUSES)


def error_with(status: int) -> type[DomainError]:
    """The error of a response that another layer made, chosen by its status."""
    return _BY_STATUS.get(status, BadRequest if status < 500 else Fault)


class Code(NamedTuple):
    status: int
    meaning: str


CODES: dict[str, Code] = dict(
    sorted(
        ((code, Code(status_of(error), error.meaning)) for code, error in error_classes().items()),
        key=lambda item: item[1].status,
    )
)
