"""The limit of request bodies, by the length that the head announces."""

from mcp_project.errors import BadRequest
from mcp_project.http.call import Request
from mcp_project.http.codes import LengthRequired, PayloadTooLarge
from mcp_project.http.protocols import Protocol, body_limit


def require_acceptable_length(request: Request) -> None:
    """Raises, before a byte of the body is read, PayloadTooLarge; LengthRequired for a chunked body, which Django would
    read as empty; BadRequest for a Content-Length that is not a number."""
    length = request.META.get("CONTENT_LENGTH") or ""
    if not length and request.META.get("HTTP_TRANSFER_ENCODING"):
        raise LengthRequired("Send the body with a Content-Length; chunked bodies are not taken.")
    protocol = request.call.protocol
    if not length or is_accepted(length, protocol):
        return
    if not (length.isascii() and length.isdigit()):
        raise BadRequest("Content-Length is not a number.")
    raise PayloadTooLarge(f"The body is over {body_limit(protocol)} bytes.")


def is_accepted(length: str, protocol: Protocol | None) -> bool:
    """Whether the protocol takes a body with this Content-Length."""
    return length.isascii() and length.isdigit() and len(length) < 18 and int(length) <= body_limit(protocol)
