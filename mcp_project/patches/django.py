"""Django: a request whose charset the client cannot choose, and the store of prefetched rows."""

from collections.abc import Sequence
from typing import Any

from django.contrib.admin import AdminSite
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.db.models import Model

from mcp_project.patches import Part


def parts() -> list[Part]:
    return [
        Part(WSGIRequest, "encoding"),
        Part(WSGIRequest, "encoding", method="_set_content_type_params"),
        Part(WSGIHandler, "request_class"),
        Part(AdminSite, "login"),  # keys/admin/login.py wraps it
        Part(Model, "_prefetched_objects_cache", method="refresh_from_db"),
    ]


class UTF8Request(WSGIRequest):
    """Queries and bodies are UTF-8, as JSON is (RFC 8259), whatever charset the Content-Type names.

    Django accepts any codec of Python's. Those that are not of text fail while the request is made, before any
    middleware; and `punycode` takes two minutes for a megabyte.
    """

    @property
    def encoding(self) -> str | None:
        return None

    @encoding.setter
    def encoding(self, value: Any) -> None:
        pass


def set_related(row: Model, **rows: Sequence[Model]) -> None:
    """Let the row's related managers return these rows without a query, as after `prefetch_related`. Without any,
    they query again. Django can only forget a relation that was prefetched, and not be given one."""
    row._prefetched_objects_cache = rows  # type: ignore[attr-defined]
