"""Giving names: each is of one model, one context, one deployment only."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import IntegrityError
from django.db.models import Manager, Model

from mcp_project.errors import ApiError
from mcp_project.statements import insert


@contextmanager
def naming(kind: str, name: str | None) -> Iterator[None]:
    """For the block in which something is given this name, if any. Raises ApiError CONFLICT when the name is taken: the
    unique index decides that, also between two requests at once."""
    try:
        yield
    except IntegrityError:
        if name is None:
            raise
        raise ApiError("CONFLICT", f"A {kind} named {name!r} exists already.") from None


class NameTaken(IntegrityError):
    """As the database would say it, without having been made to: it logs each statement that fails."""


def create(resource: Model) -> None:
    """Raises NameTaken."""
    if not insert(resource):
        raise NameTaken


def require_free(rows: Manager[Any], name: str) -> None:
    """Before a row gets another name. The index decides all the same, between two at once. Raises NameTaken."""
    if rows.filter(name=name).exists():
        raise NameTaken
