"""Lists in cursor pages, by the primary key: no OFFSET and no COUNT, whatever the length of the list."""

import re
from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from django.db.models import QuerySet
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request

from mcp_project.errors import ApiError


class NewestFirstPagination(CursorPagination):
    """For models whose primary key grows with time (`mcp_project.ids.uuid7`, or a sequence)."""

    ordering = "-pk"
    page_size = 100
    page_size_query_param = "limit"
    page_size_query_description = "Number of results per page, from 1 to 1000."
    max_page_size = 1000

    def get_page_size(self, request: Request) -> int:
        text = request.query_params.get("limit")
        if text is None:
            return self.page_size
        if not (re.fullmatch(r"[0-9]{1,4}", text, re.ASCII) and 1 <= int(text) <= self.max_page_size):
            raise ValidationError({"limit": [f"A whole number from 1 to {self.max_page_size}."]})
        return int(text)

    def decode_cursor(self, request: Request) -> Any:
        try:
            cursor = super().decode_cursor(request)
        except NotFound:
            raise ApiError("INVALID_CURSOR") from None
        if cursor is not None and (cursor.position is None or cursor.offset):
            # DRF reads rubbish leniently; a cursor of ours always has a position, and, keys being unique, no offset.
            raise ApiError("INVALID_CURSOR")
        return cursor

    def paginate_queryset(
        self, queryset: QuerySet[Any] | Sequence[Any], request: Request, view: Any = None
    ) -> list[Any] | None:
        try:
            return super().paginate_queryset(queryset, request, view)
        except (DjangoValidationError, ValueError):  # the position is not of the primary key's type
            raise ApiError("INVALID_CURSOR") from None
