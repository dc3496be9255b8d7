"""The errors of the domain. Services and queries raise these and no others; each protocol renders them in its own way.

A class without a `code` is a kind of error. Each protocol maps the kinds to its own statuses. A class with a `code` is
an error of its kind that clients can tell apart. Apps define further codes in modules that the setting ERRORS names.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from importlib import import_module
from typing import Any, ClassVar, NamedTuple

from django.conf import settings
from django.core.exceptions import ValidationError


class FieldError(NamedTuple):
    """An error of one field. A field within a field is named `outer.inner`, an item of a list by its index."""

    field: str
    detail: str
    code: str = "invalid"


class DomainError(Exception):
    """The request cannot be carried out. `detail` says to the client why, and `retry_after` when to try again."""

    code: ClassVar[str]
    meaning: ClassVar[str]  # the detail, unless another is given; README's table of codes has it
    errors: Sequence[FieldError] = ()

    def __init__(self, detail: str = "", *, retry_after: int | None = None) -> None:
        """`retry_after` is in seconds."""
        self.detail = detail or self.meaning
        self.retry_after = retry_after
        super().__init__(self.detail)


class BadRequest(DomainError):
    code = "BAD_REQUEST"
    meaning = "The request could not be understood."


class InvalidCursor(BadRequest):
    code = "INVALID_CURSOR"
    meaning = "The cursor of a list is damaged, or from another list."


class Invalid(BadRequest):
    """Some fields are wrong."""

    code = "VALIDATION_ERROR"
    meaning = "The body or the query is wrong; `errors` names each field."

    def __init__(self, *errors: FieldError) -> None:
        super().__init__()
        self.errors = errors

    @classmethod
    def of_model(cls, error: ValidationError) -> "Invalid":
        """The error of a Django model's `full_clean`."""
        return cls(
            *(
                FieldError("body" if name == "__all__" else name, text, one.code or "invalid")
                for name, ones in error.error_dict.items()
                for one in ones
                for text in one.messages
            )
        )


class Unauthenticated(DomainError):
    """A kind: the request carries no credential that is good."""


class Forbidden(DomainError):
    code = "PERMISSION_DENIED"
    meaning = "The key lacks the permission that this takes."


class NotFound(DomainError):
    code = "NOT_FOUND"
    meaning = "There is no such thing, or the key may not see it."


class Conflict(DomainError):
    code = "CONFLICT"
    meaning = "Something with that name exists already."


class Stale(DomainError):
    code = "PRECONDITION_FAILED"
    meaning = "It has changed since it was read; read it again and send its new `ETag`."


class Limited(DomainError):
    """A kind: the client has sent more requests than it may."""


class Fault(DomainError):
    code = "INTERNAL_ERROR"
    meaning = "A fault of this service; the log has it under the request id."


class Unavailable(DomainError):
    """A kind: the service cannot carry the request out now, and may later."""


class DatabaseUnavailable(Unavailable):
    code = "DATABASE_UNAVAILABLE"
    meaning = "The database cannot be reached, or takes no writes; try again after `Retry-After` seconds."


class DatabaseBusy(Unavailable):
    code = "DATABASE_BUSY"
    meaning = (
        "Other requests hold the rows or connections of the database that this one needs; try again after "
        "`Retry-After` seconds."
    )


class DatabaseTimeout(Unavailable):
    code = "DATABASE_TIMEOUT"
    meaning = (
        "The database needed longer for this than `DATABASE_STATEMENT_TIMEOUT` allows; ask for less, or try again."
    )


@cache
def error_classes() -> dict[str, type[DomainError]]:
    """Every error of every app, by its code."""
    for module in settings.ERRORS:
        import_module(module)
    return {error.__dict__["code"]: error for error in _descendants(DomainError) if "code" in error.__dict__}


def _descendants(kind: type[Any]) -> Iterator[type[Any]]:
    for error in kind.__subclasses__():
        yield error
        yield from _descendants(error)
