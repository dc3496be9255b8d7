"""Texts and examples for contexts and their versions."""

from typing import Any

from keys.documentation import ENTRY, page
from mcp_project.http.documentation import Operation
from registry.rest.documentation.models import ACTOR, DELETION

CONTEXT_DIGEST = "sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"
CONTEXT_ID = "0198a4e2-8100-7c22-9d33-4e5f60718293"
SENT: dict[str, Any] = {
    "name": "support",
    "description": "Answers questions of customers.",
    "tags": {"team": "support"},
    "metadata": {"language": "en"},
}
CREATED: dict[str, Any] = {
    "id": CONTEXT_ID,
    **SENT,
    "owner": "data-science",
    "models": [],
    "latest_version": None,
    "aliases": {},
    "created_at": "2026-01-30T08:20:00Z",
    "created_by": ACTOR,
    "updated_at": "2026-01-30T08:20:00Z",
}
CONTEXT = {**CREATED, "models": ["churn"], "latest_version": 3, "aliases": {"champion": 2}}
LISTED = {name: value for name, value in CONTEXT.items() if name not in ("description", "metadata")}
CONTENT: dict[str, Any] = {
    "messages": [
        {"role": "system", "template": "You help {{who}}."},
        {"role": "user", "template": "Why was {{who}} billed twice?"},
    ],
    "variables": [{"name": "who", "schema": {"type": "string", "maxLength": 80}, "default": "a customer"}],
    "parameters": {"temperature": 0.2, "max_tokens": 512},
    "tools": [{"name": "find_invoice", "description": "Finds an invoice.", "parameters": {"type": "object"}}],
    "resources": [{"uri": "https://docs.example.com/billing.md", "mime_type": "text/markdown"}],
    "output_schema": None,
    "models": ["churn"],
}
NOTES: dict[str, Any] = {"description": "Shorter answers.", "tags": {"reviewed": "yes"}}
BRIEF: dict[str, Any] = {
    "id": "0198a4e2-8200-7d33-8e44-5f6071829304",
    "context": "support",
    "version": 3,
    "digest": CONTEXT_DIGEST,
    "tags": NOTES["tags"],
    "aliases": [],
    "created_at": "2026-01-31T11:00:00Z",
    "created_by": ACTOR,
}
VERSION = {**BRIEF, **NOTES, **CONTENT}
CHANGE = {**ENTRY, "object_type": "context", "object_id": CONTEXT_ID, "object_name": "support"}

OPERATIONS = {
    "POST /api/contexts": Operation(
        "Create a context",
        "The name must be free. The content is in the versions, which are created afterwards.",
        request=SENT,
        response=CREATED,
    ),
    "GET /api/contexts": Operation(
        "List contexts",
        "Newest first, unless `order_by` says otherwise. Large fields are left out unless `fields` names them.",
        response=page(LISTED),
    ),
    "GET /api/contexts/{context_id}": Operation(
        "Read a context", "With its aliases and the number of its latest version.", response=CONTEXT
    ),
    "PATCH /api/contexts/{context_id}": Operation(
        "Change a context",
        "Only the fields that are sent change. The response is 412 if the context has changed since it was read. A "
        "context that is renamed keeps its versions and its history.",
        request={"description": "Answers questions of customers about bills."},
        response={**CONTEXT, "description": "Answers questions of customers about bills."},
    ),
    "DELETE /api/contexts/{context_id}": Operation(
        "Delete a context", f"Deletes its versions and aliases, too. {DELETION}"
    ),
    "GET /api/contexts/{context_id}/history": Operation(
        "List the changes of a context",
        "Newest first: changes of the context, its versions and aliases, by whom, and each field before and after.",
        response=page({**CHANGE, "changes": {"description": ["", "Answers questions of customers."]}}),
    ),
    "GET /api/contexts/{context_id}/diff": Operation(
        "Compare two versions of a context",
        "Each part of the content that differs; the messages also as lines of a unified diff. By default the latest "
        "version is compared with the one before it.",
        response={
            "from": 2,
            "to": 3,
            "same": False,
            "differences": [{"op": "replace", "path": "/parameters/temperature", "before": 0.7, "after": 0.2}],
            "messages": [],
            "cut": False,
        },
    ),
    "POST /api/contexts/{context_id}/versions": Operation(
        "Create a version of a context",
        "The version gets the context's next number, and never changes. Every variable that a template uses must be "
        "declared.",
        request={**CONTENT, **NOTES},
        response=VERSION,
    ),
    "GET /api/contexts/{context_id}/versions": Operation(
        "List the versions of a context",
        "Newest first, without their content unless `fields` names it.",
        response=page(BRIEF),
    ),
    "GET /api/contexts/{context_id}/versions/{version}": Operation(
        "Read a version of a context", "With its content, exactly as the digest is computed of it.", response=VERSION
    ),
    "POST /api/contexts/{context_id}/versions/{version}/render": Operation(
        "Render the messages of a version",
        "Fills in the variables. The response is 400 for a variable that is missing, not declared, or not valid for "
        "its schema, and names it. Nothing is stored.",
        request={"variables": {"who": "Ann"}},
        response={
            "context": "support",
            "version": 3,
            "digest": CONTEXT_DIGEST,
            "messages": [
                {"role": "system", "content": "You help Ann."},
                {"role": "user", "content": "Why was Ann billed twice?"},
            ],
        },
    ),
}
