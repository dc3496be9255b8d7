"""Descriptions in the OpenAPI document, and the parts that all of its operations have in common."""

import inspect
from typing import Any

from mcp_project.http.errors import render_error
from mcp_project.http.protocols import is_governed, protocol_of
from mcp_project.patches.drf_spectacular import OwnDocstrings


class OwnDescriptions(OwnDocstrings):
    """Describes a schema by the docstring of its own serializer, and an operation by what its own method says.

    drf-spectacular falls back on base classes, and on the view's class: their docstrings are about the code.
    """

    def get_description(self) -> str:  # type: ignore[override]
        method = getattr(self.view, getattr(self.view, "action", self.method.lower()), None)
        return inspect.cleandoc((method and method.__doc__) or "")


ERROR = {
    "type": "object",
    "description": "The one shape of every error. README has the table of the codes.",
    "required": ["detail", "code", "timestamp", "request_id"],
    "properties": {
        "detail": {"type": "string"},
        "code": {"type": "string", "example": "VALIDATION_ERROR"},
        "timestamp": {"type": "string", "format": "date-time"},
        "request_id": {"type": "string", "description": "Also in `X-Request-ID`, the log and the ledger."},
        "errors": {
            "type": "array",
            "description": "With `VALIDATION_ERROR`: what is wrong with which field.",
            "items": {
                "type": "object",
                "required": ["field", "code", "detail"],
                "properties": {name: {"type": "string"} for name in ("field", "code", "detail")},
            },
        },
    },
}


IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Makes the request safe to repeat: with the same key it is done once, and answered the same for 24 "
    "hours. See `docs/idempotency.md`.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
}
IDEMPOTENCY_REPLAYED = {
    "description": "`true` when this is the answer to an earlier request with the same `Idempotency-Key`.",
    "schema": {"type": "string", "enum": ["true"]},
}


def leave_out_undocumented(endpoints: list[tuple[str, str, str, Any]]) -> list[tuple[str, str, str, Any]]:
    """One of drf-spectacular's PREPROCESSING_HOOKS: the operations of protocols that are not `documented` are left
    out."""
    return [endpoint for endpoint in endpoints if (protocol := protocol_of(endpoint[0])) is None or protocol.documented]


def describe_idempotency(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """One of drf-spectacular's POSTPROCESSING_HOOKS: every POST to a governed address may be repeated, unless its
    response is long."""
    result["components"].setdefault("parameters", {})["Idempotency-Key"] = IDEMPOTENCY_KEY
    result["components"].setdefault("headers", {})["Idempotency-Replayed"] = IDEMPOTENCY_REPLAYED
    for path, operations in result["paths"].items():
        protocol = protocol_of(path)
        operation = operations.get("post") if is_governed(path) else None
        if operation is not None and protocol is not None and not protocol.long:
            operation.setdefault("parameters", []).append({"$ref": "#/components/parameters/Idempotency-Key"})
            for status, response in operation["responses"].items():
                if status != "5XX":
                    reference = {"$ref": "#/components/headers/Idempotency-Replayed"}
                    response.setdefault("headers", {})["Idempotency-Replayed"] = reference
    return result


def describe_errors(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """One of drf-spectacular's POSTPROCESSING_HOOKS: every operation may answer with an error in the shape of the
    service's own API. The shapes of other protocols are their clients' own."""
    result["components"].setdefault("schemas", {})["Error"] = ERROR
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    for path, operations in result["paths"].items():
        protocol = protocol_of(path)
        own = protocol is None or protocol.render_error is render_error
        for operation in operations.values() if own else ():
            operation["responses"]["4XX"] = {"description": "The request was refused.", "content": content}
            if is_governed(path):
                operation["responses"]["5XX"] = {"description": "The service failed.", "content": content}
    return result
