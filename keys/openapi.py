"""The limits of a key in the OpenAPI document."""

from typing import Any

from mcp_project.http.protocols import is_governed

HEADERS = {
    "RateLimit-Policy": "The key's limits, each as `q` requests in `w` seconds. See `docs/limits.md`.",
    "RateLimit": "The state of each limit: `r` requests are left, and all of them again in `t` seconds.",
    "X-RateLimit-Limit": "The number of requests of one limit: the one that refuses, else the one with least left.",
    "X-RateLimit-Remaining": "How many requests that limit has left.",
    "X-RateLimit-Reset": "Seconds until that limit is whole again.",
    "X-RateLimit-Outage": "Only while the limiter's counters cannot be reached: the mode in force.",
}


def describe_limits(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """One of drf-spectacular's POSTPROCESSING_HOOKS: every response to a request with a key has the limits' headers."""
    result["components"].setdefault("headers", {}).update(
        {name: {"description": text, "schema": {"type": "string"}} for name, text in HEADERS.items()}
    )
    references = {name: {"$ref": f"#/components/headers/{name}"} for name in HEADERS}
    for path, operations in result["paths"].items():
        for operation in operations.values() if is_governed(path) else ():
            for response in operation["responses"].values():
                response.setdefault("headers", {}).update(references)
    return result
