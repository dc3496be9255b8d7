"""Texts and examples for versions of models."""

from typing import Any

from keys.documentation import page
from mcp_project.http.documentation import Operation
from registry.rest.documentation.models import ACTOR, DELETION

DIGEST = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
SENT: dict[str, Any] = {
    "source": "s3://models/churn/3",
    "digest": DIGEST,
    "size": 1048576,
    "run_id": "4f1c2d",
    "run_link": "https://mlflow.example.com/runs/4f1c2d",
    "status": "ready",
    "metrics": {"auc": 0.93},
    "params": {"max_depth": 6},
    "signature": {"inputs": {"type": "object"}, "outputs": {"type": "number"}},
    "parents": [{"uri": "s3://data/churn/2026-01", "digest": ""}],
    "description": "Trained on January.",
    "tags": {"season": "winter"},
}
VERSION: dict[str, Any] = {
    "id": "0198a4e2-7d40-7b11-8c55-9e0f1a2b3c4d",
    "model": "churn",
    "version": 3,
    **SENT,
    "status_message": "",
    "stage": "None",
    "aliases": [],
    "created_at": "2026-01-31T11:58:00Z",
    "created_by": ACTOR,
    "updated_at": "2026-01-31T11:58:00Z",
}
LARGE = ("description", "metrics", "params", "signature", "parents")
LISTED = {name: value for name, value in VERSION.items() if name not in LARGE}

OPERATIONS = {
    "POST /api/models/{model_id}/versions": Operation(
        "Register a version",
        "The version gets the model's next number. Only `source` is required; the service does not read the artifact.",
        request=SENT,
        response=VERSION,
    ),
    "GET /api/models/{model_id}/versions": Operation(
        "List the versions of a model",
        "Newest first, unless `order_by` says otherwise. Large fields are left out unless `fields` names them.",
        response=page(LISTED),
    ),
    "GET /api/models/{model_id}/versions/{version}": Operation(
        "Read a version", "With its metrics, signature, parents, stage and aliases.", response=VERSION
    ),
    "PATCH /api/models/{model_id}/versions/{version}": Operation(
        "Change a version",
        "Only the fields that are sent change. What defines a version is fixed once it is `ready` (409); its "
        "description, tags and status message may always change.",
        request={"description": "Trained on January, without trials.", "tags": {"season": "winter"}},
        response={**VERSION, "description": "Trained on January, without trials."},
    ),
    "DELETE /api/models/{model_id}/versions/{version}": Operation(
        "Delete a version", f"Its number is not given again, and its aliases are removed. {DELETION}"
    ),
    "POST /api/models/{model_id}/versions/{version}/stage": Operation(
        "Move a version to a stage",
        "Stages are MLflow's. With `archive_existing`, the versions that are in that stage move to `Archived`.",
        request={"stage": "Production", "archive_existing": True},
        response={**VERSION, "stage": "Production"},
    ),
}
