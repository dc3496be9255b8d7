"""Texts and examples for models."""

from typing import Any

from keys.documentation import ENTRY, page
from mcp_project.http.documentation import Operation

ACTOR = "key:0198a4e2-5d10-7c3e-8f21-6b9d0c4e7a01"
SENT: dict[str, Any] = {
    "name": "churn",
    "description": "Predicts who cancels within a month.",
    "framework": "xgboost",
    "task": "classification",
    "license": "Apache-2.0",
    "tags": {"team": "growth"},
    "metadata": {"reviewed": True},
}
CREATED: dict[str, Any] = {
    "id": "0198a4e2-7c1f-7d3a-9b52-3f1f6d0c8a11",
    **SENT,
    "owner": "data-science",
    "latest_version": None,
    "aliases": {},
    "created_at": "2026-01-30T08:15:00Z",
    "created_by": ACTOR,
    "updated_at": "2026-01-30T08:15:00Z",
}
MODEL = {**CREATED, "latest_version": 3, "aliases": {"champion": 2}, "updated_at": "2026-01-31T12:00:00Z"}
LISTED = {name: value for name, value in MODEL.items() if name not in ("description", "metadata")}
DELETION = (
    "The audit trail keeps its history. Only a key with the permission `admin` may delete what another owner owns. "
    "While deployments need it, the response is 409, unless `force` is set: then those deployments fail."
)

OPERATIONS = {
    "POST /api/models": Operation(
        "Register a model",
        "The name must be free. Without `owner`, the model belongs to the owner of the key.",
        request=SENT,
        response=CREATED,
    ),
    "GET /api/models": Operation(
        "List models",
        "Newest first, unless `order_by` says otherwise. Large fields are left out unless `fields` names them.",
        response=page(LISTED),
    ),
    "GET /api/models/{model_id}": Operation(
        "Read a model", "With its aliases and the number of its latest version.", response=MODEL
    ),
    "PATCH /api/models/{model_id}": Operation(
        "Change a model",
        "Only the fields that are sent change. The response is 412 if the model has changed since it was read. A model "
        "that is renamed keeps its versions and its history.",
        request={"task": "ranking", "tags": {"team": "growth", "tier": "gold"}},
        response={**MODEL, "task": "ranking", "tags": {"team": "growth", "tier": "gold"}},
    ),
    "DELETE /api/models/{model_id}": Operation("Delete a model", f"Deletes its versions and aliases, too. {DELETION}"),
    "POST /api/models:batch": Operation(
        "Register many models",
        "Takes up to 1,000 models as a JSON array or, with `Content-Type: application/x-ndjson`, as one line of JSON "
        "each. By default all are registered or none; with `mode=each`, a row that fails is left out.",
        request=[{"name": "churn-eu", "framework": "xgboost"}, {"name": "churn-us", "framework": "xgboost"}],
        response={
            "created": 2,
            "failed": 0,
            "results": [
                {"row": 0, "status": 201, "id": "0198a4e2-8000-7aaa-8bbb-000000000001", "name": "churn-eu"},
                {"row": 1, "status": 201, "id": "0198a4e2-8000-7aaa-8bbb-000000000002", "name": "churn-us"},
            ],
        },
        others={"application/x-ndjson": '{"name": "churn-eu"}\n{"name": "churn-us"}\n'},
    ),
    "GET /api/models/{model_id}/card": Operation(
        "Read a model's card",
        "Description, versions, metrics and signature on one page: Markdown, or with `Accept: text/html` HTML that "
        "runs no scripts and loads nothing.",
        others={
            "text/markdown": "# churn\n\nPredicts who cancels within a month.\n",
            "text/html": "<!doctype html><html><body><h1>churn</h1></body></html>\n",
        },
    ),
    "GET /api/models/{model_id}/history": Operation(
        "List the changes of a model",
        "Newest first: changes of the model, its versions, stages and aliases, by whom, and each field before and "
        "after.",
        response=page(ENTRY),
    ),
    "GET /api/models/{model_id}/lineage": Operation(
        "Read the lineage of a version",
        "A graph of what the version was made from, and what was made from it. Models that the key may not see are "
        "left out.",
        response={
            "nodes": [
                {"id": "models:/churn/3", "kind": "version", "model": "churn", "version": 3, "stage": "Staging"},
                {"id": "s3://data/churn/2026-01", "kind": "dataset"},
            ],
            "edges": [{"from": "s3://data/churn/2026-01", "to": "models:/churn/3"}],
            "cut": False,
        },
    ),
}
