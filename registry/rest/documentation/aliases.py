"""Texts and examples for aliases of models and of contexts."""

from typing import Any

from keys.documentation import page
from mcp_project.http.documentation import Operation
from registry.rest.documentation.models import ACTOR

ALIAS: dict[str, Any] = {"alias": "champion", "version": 3, "moving": False}
MOVE: dict[str, Any] = {"at": "2026-01-31T12:00:00Z", "actor": ACTOR, "before": 2, "after": 3}


def operations(path: str, resource: str, set_too: str, removal: str) -> dict[str, Operation]:
    """The operations on the aliases of a resource with this path, and what setting and removing one has to it."""
    alias = f"{path}/aliases/{{alias}}"
    return {
        f"GET {alias}": Operation(
            "Read an alias",
            f"The version of the {resource} that the alias names, or named at the time `at`. `latest` and `v12` are "
            "read, too.",
            response=ALIAS,
        ),
        f"PUT {alias}": Operation(
            "Set or move an alias",
            f"The alias names this version of the {resource} from now on.{set_too} With `If-None-Match: *`, the "
            "response is 412 if the alias exists.",
            request={"version": 3},
            response=ALIAS,
        ),
        f"DELETE {alias}": Operation("Remove an alias", f"Its history stays.{removal}"),
        f"GET {alias}/history": Operation(
            "List the moves of an alias",
            "Newest first: when, by whom, from which version to which.",
            response=page(MOVE),
        ),
        f"POST {alias}/rollback": Operation(
            "Undo the last move of an alias",
            "The alias names again what it named before, which is a move as well: done twice, it is where it was.",
            response={**ALIAS, "version": 2},
        ),
    }


OPERATIONS = {
    **operations(
        "/api/models/{model_id}",
        "model",
        " Deployments that follow it get a revision with that version.",
        " While a deployment follows the alias, the response is 409.",
    ),
    **operations("/api/contexts/{context_id}", "context", "", ""),
}
