"""If-Match: changing only what was read."""

from rest_framework.request import Request

from mcp_project.errors import ApiError


def expected_etag(request: Request) -> str | None:
    """The ETag that the change is meant for; None for `*`, whichever it is. Raises ApiError 428 without the header."""
    given = request.headers.get("If-Match", "").strip()
    if not given:
        raise ApiError("PRECONDITION_REQUIRED")
    return None if given == "*" else given
