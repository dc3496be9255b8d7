"""What the OpenAPI document says of every operation alike."""

from typing import Any

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


def describe_errors(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """drf-spectacular's POSTPROCESSING_HOOKS: every operation may answer with an error in the shape."""
    result["components"].setdefault("schemas", {})["Error"] = ERROR
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    for path, operations in result["paths"].items():
        for operation in operations.values():
            operation["responses"]["4XX"] = {"description": "The request was refused.", "content": content}
            if path.startswith("/api/"):
                operation["responses"]["5XX"] = {"description": "The service failed.", "content": content}
    return result
