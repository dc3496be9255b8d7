"""A protocol of two rows, as an app would add it: this package, and one line in the settings (settings.py here).

Its clients are sent errors as {"error": {"type", "message", "id"}}; those of the nested prefix as {"oops", "id"}.
"""

from mcp_project.errors import DomainError
from mcp_project.http.codes import status_of
from mcp_project.http.protocols import Protocol, Rendered, Route


def render_error(error: DomainError, request_id: str | None) -> Rendered:
    message = " ".join([error.detail, *(f"{wrong.field}: {wrong.detail}" for wrong in error.errors)])
    body = {"type": error.code.lower(), "message": message, "id": request_id}
    return Rendered(status_of(type(error)), {"error": body})


def render_terse(error: DomainError, request_id: str | None) -> Rendered:
    """Errors in responses with status 418, to tell a status of the dialect from one of the service."""
    return Rendered(418, {"oops": error.code, "id": request_id})


TINY = Protocol(
    name="tiny",
    prefixes=("/tiny/",),
    urls="tests.support.tiny.urls",
    render_error=render_error,
    max_body="TINY_MAX_BODY_BYTES",
    open_paths=frozenset({"/tiny/about"}),
    routes=(
        Route(pattern="/tiny/upload", max_body="TINY_MAX_UPLOAD_BYTES"),
        Route(pattern="/tiny/(stream|breaks|thread)", long=True),
        Route(pattern="/tiny/terse-.*", render_error=render_terse),
    ),
)
TERSE = Protocol(
    name="terse",
    prefixes=("/tiny/terse/",),
    urls="tests.support.tiny.terse_urls",
    render_error=render_terse,
    documented=True,
)
