"""The examples of the OpenAPI document, sent to the service: it takes each request, and answers with the fields of the
example's response."""

from typing import Any

from mcp_project.http.documentation import Operation, documented
from tests.support.api import Api, drain_own_journal

MODEL, CONTEXT, DEPLOYMENT = "/api/models/{model_id}", "/api/contexts/{context_id}", "/api/deployments/{deployment_id}"
# First, in this order, what others need. All that are not named here come next, and deletions last.
FIRST = [
    "POST /api/keys",
    "POST /api/models",
    *[f"POST {MODEL}/versions"] * 3,
    "POST /api/contexts",
    *[f"POST {CONTEXT}/versions"] * 3,
    f"PUT {MODEL}/aliases/{{alias}}",
    f"PUT {CONTEXT}/aliases/{{alias}}",
    "POST /api/deployments",
    f"PATCH {DEPLOYMENT}",
    "POST /api/keys/{key_id}/rotate",
]
LAST = ["POST /api/keys/revoke", f"DELETE {DEPLOYMENT}"]
QUERIES = {
    "GET /api/keys/{key_id}/explain": "?method=POST&path=/api/models&ip=10.1.2.3",
    "GET /api/usage": "?group_by=route",
}


def in_order(operations: dict[str, Operation]) -> list[str]:
    others = [key for key in operations if key not in FIRST and key not in LAST]
    deletions = [key for key in others if key.startswith("DELETE")]
    deletions.sort(key=lambda key: (-key.count("/"), key))  # what belongs to a model goes before it
    return [*FIRST, *(key for key in others if key not in deletions), *LAST, *deletions]


def form(body: Any) -> Any:
    """The names of the fields of a body, and of the first row of a page."""
    if not isinstance(body, dict):
        return type(body)
    return {"fields": set(body), "of a row": set(body["results"][0]) if body.get("results") else None}


def prepared(admin: Api) -> None:
    """Moves that the examples do not contain: a rollback undoes one, so that there are two."""
    for path in ("/api/models/churn/aliases/champion", "/api/contexts/support/aliases/champion"):
        assert admin("PUT", path, {"version": 2}).status_code == 200


def test_service_takes_every_example_and_answers_in_its_form(admin: Api) -> None:
    operations = documented("OPERATIONS")
    values = documented("EXAMPLES")
    wrong: dict[str, Any] = {}

    for key in in_order(operations):
        method, path = key.split(" ")
        for name, value in values.items():
            path = path.replace(f"{{{name}}}", str(value))
        if key == f"POST {DEPLOYMENT.partition('/{')[0]}":
            prepared(admin)
        if path.startswith("/api/usage"):
            drain_own_journal()
        headers = {"If-Match": "*"} if method == "PATCH" else {}
        response = admin(method, path + QUERIES.get(key, ""), operations[key].request, **headers)
        if response.status_code >= 300:
            wrong[key] = response.content
        elif (example := operations[key].response) is not None and form(response.json()) != form(example):
            wrong[key] = form(response.json()), form(example)
        if key == "POST /api/keys":
            values["key_id"] = response.json()["id"]

    assert wrong == {}
