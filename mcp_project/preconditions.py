"""If-Match: changing only what was read."""

from django.utils.http import parse_etags
from rest_framework.request import Request

from mcp_project.errors import ApiError


def expected_etags(request: Request) -> list[str] | None:
    """The ETags that the change is meant for; None for `*`, whichever it is. Raises ApiError 428 without the header,
    and 412 for one that holds no ETag."""
    given = request.headers.get("If-Match", "").strip()
    if not given:
        raise ApiError("PRECONDITION_REQUIRED")
    etags = parse_etags(given)
    if not etags:
        raise ApiError(
            "PRECONDITION_FAILED", 'If-Match takes an ETag as it was given, in its quotes, such as "1"; or *.'
        )
    return None if etags == ["*"] else etags
