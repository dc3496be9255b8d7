"""Tables as CSV (RFC 4180), written while they are read: however long they are, little of them is in memory."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain
from threading import BoundedSemaphore
from typing import Any

from django.conf import settings
from django.http import StreamingHttpResponse
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from mcp_project.http.codes import ExportsBusy

CHUNK = 1 << 16  # characters
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # with which a spreadsheet takes a cell for one, and would run it


def wants_csv(request: Request) -> bool:
    """Whether the client requests CSV, by `?format=csv` or `Accept: text/csv`. Raises ValidationError for another
    format."""
    form = request.query_params.get("format")
    if form is None:
        return bool(request.get_preferred_type(["application/json", "text/csv"]) == "text/csv")
    if form not in ("json", "csv"):
        raise ValidationError({"format": ["One of json, csv."]})
    return form == "csv"


class Export:
    """Text that is sent while it is made. To make it takes a thread of the worker for a while: one is always kept for
    other requests. Raises ExportsBusy."""

    slots = BoundedSemaphore(max(1, settings.APP_THREADS - 1))

    def __init__(self, chunks: Iterator[str]) -> None:
        if not self.slots.acquire(blocking=False):
            raise ExportsBusy(retry_after=5)
        self._open = True
        try:
            self._chunks = chain([next(chunks)], chunks)
        except BaseException:
            self.close()
            raise

    def __iter__(self) -> Iterator[str]:
        try:
            yield from self._chunks
        finally:
            self.close()

    def close(self) -> None:
        if self._open:
            self._open = False
            self.slots.release()


def csv_response(name: str, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> StreamingHttpResponse:
    """Make the response. The first rows are read at once, so that an error in them can still become an error
    response."""
    export = Export(csv_chunks(columns, rows))
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return StreamingHttpResponse(export, content_type="text/csv; charset=utf-8", headers=headers)


def csv_chunks(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """The text, in pieces; the heading first."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(row[column]) for column in columns])
        if text.tell() >= CHUNK:
            yield text.getvalue()
            text.seek(0)
            text.truncate()
    yield text.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
