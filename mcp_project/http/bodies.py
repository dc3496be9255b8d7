"""The limit of request bodies, by the length that the head announces."""

from django.http import HttpRequest

from mcp_project.http.errors import ApiError
from mcp_project.http.protocols import body_limit


def check_length(request: HttpRequest) -> ApiError | None:
    """The error of a body that is not accepted, before a byte of it is read: PAYLOAD_TOO_LARGE, or LENGTH_REQUIRED for
    a chunked one, which Django would read as empty."""
    length = request.META.get("CONTENT_LENGTH") or ""
    if not length and request.META.get("HTTP_TRANSFER_ENCODING"):
        return ApiError("LENGTH_REQUIRED", "Send the body with a Content-Length; chunked bodies are not taken.")
    if not length or is_accepted(length, request.path_info):
        return None
    if not (length.isascii() and length.isdigit()):
        return ApiError("BAD_REQUEST", "Content-Length is not a number.")
    return ApiError("PAYLOAD_TOO_LARGE", f"The body is over {body_limit(request.path_info)} bytes.")


def is_accepted(length: str, path: str) -> bool:
    """Whether the path takes a body with this Content-Length."""
    return length.isascii() and length.isdigit() and len(length) < 18 and int(length) <= body_limit(path)
