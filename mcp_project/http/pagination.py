"""Lists in cursor pages, by the columns that order them: no OFFSET and no COUNT, whatever the length of the list.

Our own, because DRF's CursorPagination compares the first column alone and counts through those that are equal in it.

A page is bounded in bytes, too: it ends early where its rows would pass PAGE_BYTES, and `next` goes on from there. Rows
are read few at once, so that a worker holds no more than it sends, whatever `limit` says.
"""

import binascii
import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import reduce
from operator import add
from typing import Any, NamedTuple
from zlib import crc32

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db.models import F, Func, IntegerField, JSONField, Model, Q, QuerySet, TextField
from django.db.models.functions import Coalesce
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from mcp_project.errors import InvalidCursor

WIDE = (TextField, JSONField, ArrayField)  # columns whose values may have kilobytes
PAGE_SIZE = 100
MAX_PAGE_SIZE = 1000
PAGE_BYTES = 1_048_576  # of text and JSON in the rows of a page; a single row may have more
ROWS_AT_ONCE = 128  # read in one query: enough for a page of the default size


class Cursor(NamedTuple):
    """A place in a list: between two rows, next to the one that has these values in the columns that order it."""

    ordering: tuple[str, ...]
    values: tuple[str, ...]
    backwards: bool = False  # whether the page that lies before the place is wanted

    def __str__(self) -> str:
        return urlsafe_b64encode(json.dumps(self, separators=(",", ":")).encode()).decode().rstrip("=")

    @classmethod
    def parse(cls, text: str, ordering: tuple[str, ...]) -> "Cursor":
        """Raises InvalidCursor."""
        try:
            given, values, backwards = json.loads(urlsafe_b64decode(text.encode() + b"=" * (-len(text) % 4)))
        except (ValueError, TypeError, binascii.Error, RecursionError):
            raise InvalidCursor from None
        strings = isinstance(values, list) and all(isinstance(value, str) and "\0" not in value for value in values)
        if given != list(ordering) or not strings or len(values) != len(ordering) or type(backwards) is not bool:
            raise InvalidCursor
        return cls(ordering, tuple(values), backwards)


class KeysetPagination(BasePagination):
    """A view may name its own `ordering`: columns without NULL, also of related rows (`model__name`), each in its own
    direction, that together tell any two rows apart."""

    ordering: tuple[str, ...] = ("-pk",)

    def paginate_queryset(  # type: ignore[override]  # a list of rows has no columns to compare
        self, queryset: QuerySet[Any], request: Request, view: Any = None
    ) -> list[Any]:
        size = _size(request.query_params.get("limit"))
        self._url, self._ordering = request.build_absolute_uri(), getattr(view, "ordering", self.ordering)
        self._list = f"{crc32(request.path.encode()):08x}"  # which its cursors begin with: they are of no other
        text = request.query_params.get("cursor")
        if text and not text.startswith(self._list):
            raise InvalidCursor
        cursor = Cursor.parse(text.removeprefix(self._list), self._ordering) if text else None
        rows, more = bounded_page(queryset, self._ordering, cursor, size, getattr(view, "rows_at_once", None))
        backwards = cursor is not None and cursor.backwards
        if backwards:
            rows.reverse()
        self._next = rows[-1] if rows and (more or backwards) else None
        self._previous = rows[0] if rows and (more if backwards else cursor) else None
        return rows

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"next": self._link(self._next), "previous": self._link(self._previous, True), "results": data})

    def _link(self, row: Model | None, backwards: bool = False) -> str | None:
        if row is None:
            return None
        cursor = f"{self._list}{place_of(row, self._ordering, backwards)}"
        return str(replace_query_param(self._url, "cursor", cursor))

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {"type": "string", "format": "uri", "nullable": True}
        properties = {"next": link, "previous": link, "results": schema}
        return {"type": "object", "required": ["results"], "properties": properties}

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        size = {"type": "integer", "minimum": 1, "maximum": MAX_PAGE_SIZE, "default": PAGE_SIZE}
        most = "The length of a page. A page ends early where it would exceed a megabyte, so follow `next`."
        parameters: list[dict[str, Any]] = [
            {"name": "limit", "in": "query", "schema": size, "description": most},
            {
                "name": "cursor",
                "in": "query",
                "schema": {"type": "string"},
                "description": "The place of a page, as `next` and `previous` have it.",
            },
        ]
        if large := getattr(view, "large", ()):
            names = ", ".join(f"`{name}`" for name in large)
            shown = f"The fields to show, separated by commas; by default all but the large ones: {names}."
            parameters.append({"name": "fields", "in": "query", "schema": {"type": "string"}, "description": shown})
        return parameters


def place_of(row: Model | Mapping[str, Any], ordering: Sequence[str], backwards: bool = False) -> Cursor:
    names = [column.lstrip("-") for column in ordering]
    values = (row[name] if isinstance(row, Mapping) else reduce(getattr, name.split("__"), row) for name in names)
    return Cursor(tuple(ordering), tuple(_as_text(value) for value in values), backwards)


def bounded_page(
    queryset: QuerySet[Any], ordering: tuple[str, ...], cursor: Cursor | None, size: int, at_once: int | None = None
) -> tuple[list[Any], bool]:
    """Up to `size` rows as `page` has them, and whether there are more: fewer where the next one would make them pass
    PAGE_BYTES. `at_once` rows are read in a query. Raises InvalidCursor."""
    weight = _weight(queryset)
    if weight is None:
        rows = page(queryset, ordering, cursor, size + 1)
        return rows[:size], len(rows) > size
    queryset = queryset.annotate(page_bytes=weight)
    backwards = cursor is not None and cursor.backwards
    rows, room = [], PAGE_BYTES
    while True:
        batch_size = min(at_once or ROWS_AT_ONCE, size + 1 - len(rows))
        batch = page(queryset, ordering, cursor, batch_size)
        for row in batch:
            room -= row.page_bytes
            if len(rows) == size or (rows and room < 0):
                return rows, True
            rows.append(row)
        if len(batch) < batch_size:
            return rows, False
        cursor = place_of(rows[-1], ordering, backwards)


def _weight(queryset: QuerySet[Any]) -> Any:
    """An SQL expression for the bytes of a row: of the WIDE columns that are read, and of the annotation `more_bytes`,
    by which a queryset counts what it shows of other tables. None if there is neither."""
    names, are_deferred = queryset.query.deferred_loading
    columns = (field for field in queryset.model._meta.concrete_fields if isinstance(field, WIDE))
    weights: list[Any] = [_Bytes(field.name) for field in columns if (field.name in names) != are_deferred]
    if "more_bytes" in queryset.query.annotations:
        weights.append(F("more_bytes"))
    return reduce(add, [Coalesce(weight, 0) for weight in weights]) if weights else None


class _Bytes(Func):
    template = "octet_length((%(expressions)s)::text)"
    output_field = IntegerField()


def page(queryset: QuerySet[Any], ordering: tuple[str, ...], cursor: Cursor | None, size: int) -> list[Any]:
    """Up to `size` rows after the cursor's place, the nearest first; or before it. Raises InvalidCursor."""
    backwards = cursor is not None and cursor.backwards
    columns = [_reversed(column) if backwards else column for column in ordering]
    try:
        if cursor is not None:
            queryset = queryset.filter(_beyond(columns, _typed(queryset.model, columns, cursor.values)))
        return list(queryset.order_by(*columns)[:size])
    except (DjangoValidationError, ValueError, OverflowError):  # a value that is not of its column's type
        raise InvalidCursor from None


def _typed(model: type[Model], columns: Sequence[str], values: Sequence[str]) -> list[Any]:
    """Raises ValidationError, ValueError or OverflowError."""
    typed = []
    for column, text in zip(columns, values, strict=True):
        value = _field(model, column.lstrip("-")).to_python(text)
        typed.append(datetime.fromisoformat(text).astimezone(UTC) if isinstance(value, datetime) else value)
    return typed


def _field(model: type[Model], name: str) -> Any:
    *relations, last = name.split("__")
    for relation in relations:
        model = model._meta.get_field(relation).related_model  # type: ignore[assignment]
    return model._meta.pk if last == "pk" else model._meta.get_field(last)


def _beyond(columns: Sequence[str], values: Sequence[Any]) -> Q:
    """a < x or (a = x and b > y), as the columns' directions have it; with `a <= x` for all, by which an index finds
    its place. A comparison of whole rows, (a, b) < (x, y), would be shorter, and knows one direction only."""
    name, lookup = columns[0].lstrip("-"), "lt" if columns[0].startswith("-") else "gt"
    if len(columns) == 1:
        return Q(**{f"{name}__{lookup}": values[0]})
    beyond = Q(**{f"{name}__{lookup}": values[0]}) | Q(**{name: values[0]}) & _beyond(columns[1:], values[1:])
    return Q(**{f"{name}__{lookup}e": values[0]}) & beyond


def _reversed(column: str) -> str:
    return column[1:] if column.startswith("-") else f"-{column}"


def _as_text(value: Any) -> str:
    return str(value.isoformat() if hasattr(value, "isoformat") else value)


def _size(text: str | None) -> int:
    if text is None:
        return PAGE_SIZE
    if not (re.fullmatch(r"[0-9]{1,4}", text, re.ASCII) and 1 <= int(text) <= MAX_PAGE_SIZE):
        raise ValidationError({"limit": [f"A whole number from 1 to {MAX_PAGE_SIZE}."]})
    return int(text)
