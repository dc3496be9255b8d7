"""If-Match, with which a client changes only the state that it has read, and If-None-Match, with which it reads only a
state that it does not have."""

from collections.abc import Callable
from typing import Any

from django.utils.http import parse_etags
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from mcp_project.errors import Stale
from mcp_project.http.codes import PreconditionRequired


def expected_etags(request: Request, required: bool = True) -> list[str] | None:
    """The ETags that the change is meant for; None for `*` and, unless `required`, without the header. Raises
    PreconditionRequired without the header, and Stale for one that holds no ETag."""
    header = request.headers.get("If-Match", "").strip()
    if not header:
        if required:
            raise PreconditionRequired
        return None
    etags = parse_etags(header)
    if not etags:
        raise Stale('If-Match takes an ETag as it was given, in its quotes, such as "1"; or *.')
    return None if etags == ["*"] else etags


def unless_known(request: Request, etag: str, show: Callable[[], Any]) -> Response:
    """The resource with its ETag; 304 to a client that has it already (RFC 9110, section 13.1.2)."""
    known = parse_etags(request.headers.get("If-None-Match", ""))
    if etag in known or f"W/{etag}" in known or known == ["*"]:
        return Response(status=status.HTTP_304_NOT_MODIFIED, headers={"ETag": etag})
    return Response(show(), headers={"ETag": etag})
