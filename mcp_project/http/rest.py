"""The service's own REST API, as a row of the table of protocols."""

from mcp_project.http.errors import render_error
from mcp_project.http.protocols import Protocol

PREFIX = "/api/"
SCHEMA, DOCS = f"{PREFIX}schema", f"{PREFIX}docs"

PROTOCOL = Protocol(
    name="rest",
    prefixes=(PREFIX,),
    urls="mcp_project.rest_urls",
    render_error=render_error,
    documented=True,
    open_paths=frozenset({SCHEMA, DOCS}),
)
