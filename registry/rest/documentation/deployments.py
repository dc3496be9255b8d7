"""Texts and examples for deployments and their revisions."""

from typing import Any

from keys.documentation import page
from mcp_project.http.documentation import Operation
from registry.rest.documentation.contexts import CONTEXT_DIGEST, CONTEXT_ID
from registry.rest.documentation.models import ACTOR
from registry.rest.documentation.versions import DIGEST

REVISION_DIGEST = "sha256:fcde2b2edba56bf408601fb721fe9b5c338d10ee429ea04fae5511b68fbf8fb9"
SENT: dict[str, Any] = {
    "name": "churn-live",
    "description": "Answers the web shop.",
    "environment": "production",
    "endpoint": "https://models.example.com/churn",
    "protocol": "http",
    "targets": [
        {"model": "churn", "alias": "champion", "weight": 90},
        {"model": "churn", "version": 3, "weight": 10, "context_version": {"context": "support", "version": 3}},
    ],
    "timeout": 30,
    "tags": {"team": "growth"},
    "metadata": {},
    "message": "A tenth for the challenger.",
}
MODEL_ID = "0198a4e2-7c1f-7d3a-9b52-3f1f6d0c8a11"
TARGETS: list[dict[str, Any]] = [
    {
        "model": "churn",
        "model_id": MODEL_ID,
        "version": 2,
        "alias": "champion",
        "digest": DIGEST,
        "context_version": None,
        "weight": 90,
    },
    {
        "model": "churn",
        "model_id": MODEL_ID,
        "version": 3,
        "alias": None,
        "digest": DIGEST,
        "context_version": {
            "context": "support",
            "context_id": CONTEXT_ID,
            "version": 3,
            "digest": CONTEXT_DIGEST,
        },
        "weight": 10,
    },
]
CONTENT: dict[str, Any] = {
    **{name: value for name, value in SENT.items() if name != "message"},
    "targets": TARGETS,
    "owner": "data-science",
    "status": "pending",
}
DEPLOYMENT: dict[str, Any] = {
    "id": "0198a4e2-8300-7e44-9f55-607182930415",
    **CONTENT,
    "revision": 1,
    "digest": REVISION_DIGEST,
    "created_at": "2026-01-31T12:00:00Z",
    "created_by": ACTOR,
    "updated_at": "2026-01-31T12:00:00Z",
}
LISTED = {name: value for name, value in DEPLOYMENT.items() if name not in ("description", "metadata")}
REVISION: dict[str, Any] = {
    "revision": 1,
    "at": "2026-01-31T12:00:00Z",
    "actor": ACTOR,
    "message": "A tenth for the challenger.",
    "digest": REVISION_DIGEST,
}

OPERATIONS = {
    "POST /api/deployments": Operation(
        "Create a deployment",
        "Each target names a version that is `ready`, or an alias to follow; the weights sum to 100. A new deployment "
        "is `pending`, or `active` if `status` says so.",
        request=SENT,
        response=DEPLOYMENT,
    ),
    "GET /api/deployments": Operation(
        "List deployments",
        "Newest first, unless `order_by` says otherwise. Large fields are left out unless `fields` names them.",
        response=page(LISTED),
    ),
    "GET /api/deployments/{deployment_id}": Operation(
        "Read a deployment", "With the versions that its targets pin now, and its latest revision.", response=DEPLOYMENT
    ),
    "PATCH /api/deployments/{deployment_id}": Operation(
        "Change a deployment",
        "Only the fields that are sent change, and each change makes a revision. The response is 412 if the deployment "
        "has changed since it was read, which includes moves of aliases that it follows, and 409 for a status that "
        "does not follow from its own.",
        request={"status": "active", "message": "Go live."},
        response={**DEPLOYMENT, "status": "active", "revision": 2},
    ),
    "DELETE /api/deployments/{deployment_id}": Operation(
        "Delete a deployment",
        "Deletes its revisions, too; the audit trail keeps its history. Only a key with the permission `admin` may "
        "delete what another owner owns.",
    ),
    "GET /api/deployments/{deployment_id}/diff": Operation(
        "Compare two revisions of a deployment",
        "Each part of the content that differs. By default the latest revision is compared with the one before it.",
        response={
            "from": 1,
            "to": 2,
            "differences": [{"op": "replace", "path": "/status", "before": "pending", "after": "active"}],
            "cut": False,
        },
    ),
    "POST /api/deployments/{deployment_id}/rollback": Operation(
        "Roll a deployment back to a revision",
        "Makes a new revision with everything that the earlier one had but its status. An alias that names another "
        "version by now is not followed any more.",
        request={"revision": 1, "message": "As before."},
        response={**DEPLOYMENT, "status": "active", "revision": 3},
    ),
    "GET /api/deployments/{deployment_id}/revisions": Operation(
        "List the revisions of a deployment",
        "Newest first, without their content unless `fields` names it. Revisions with targets that the key may not see "
        "are left out.",
        response=page(REVISION),
    ),
    "GET /api/deployments/{deployment_id}/revisions/{revision}": Operation(
        "Read a revision",
        "What the deployment was, who made it so, when and why.",
        response={**REVISION, "content": CONTENT},
    ),
    "GET /api/deployments/{deployment_id}/revisions/{revision}/verify": Operation(
        "Verify a revision",
        "Computes the digest of the content anew and compares it with the recorded one. `docs/deployments.md` says how "
        "to do that yourself.",
        response={"revision": 1, "intact": True, "recorded": REVISION_DIGEST, "computed": REVISION_DIGEST},
    ),
}
