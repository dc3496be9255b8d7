"""Changes to models. Each change and its audit entry are one transaction."""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from keys.principal import Principal
from mcp_project.audit import trail
from mcp_project.audit.actions import Action
from mcp_project.database import transactions
from registry.models import RegisteredModel
from registry.queries import find_model
from registry.services import followers
from registry.services.lineage import leave_children
from registry.services.named import change, delete_with_versions, require_etag, require_owner, save
from registry.services.names import require_name, unique_name

AUDITED_FIELDS = ("name", "description", "owner", "framework", "task", "license", "tags", "metadata")


@transactions.change
def register_model(principal: Principal, **fields: Any) -> RegisteredModel:
    """A new registered model; its owner is the key's unless another is given.

    Raises Conflict when the name is taken; NOT_FOUND for a name that the key may not see, whether or not it is
    taken.
    """
    require_name(principal, RegisteredModel, fields["name"])
    fields.setdefault("owner", principal.owner)
    with unique_name(principal, RegisteredModel, fields["name"]):
        return save(
            principal.actor, RegisteredModel(created_by=principal.actor, **fields), Action.CREATE, AUDITED_FIELDS
        )


@transactions.change
def update_model(
    principal: Principal, id_or_name: str, etags: Collection[str] | None, changes: Mapping[str, Any]
) -> RegisteredModel:
    """Change a model, if its ETag is still one of `etags` (None: whichever it is). Its history stays with it when it is
    renamed. Raises NotFound, Stale, Conflict, NOT_FOUND as `register_model`."""
    with unique_name(principal, RegisteredModel, changes.get("name")):
        return change(principal, find_model(principal, id_or_name, lock=True), etags, changes)


@transactions.change
def delete_model(principal: Principal, id_or_name: str, etags: Collection[str] | None, force: bool = False) -> UUID:
    """Delete a model with its versions, aliases and lineage. Returns its id. The audit trail stays.

    Deployments that need it fail with `force`; without it they are a Conflict. Raises NotFound, Stale, and Forbidden as
    `require_owner`.
    """
    model = find_model(principal, id_or_name, lock=True)
    require_owner(principal, model.owner)
    require_etag(model, etags)
    followers.prepare_deletion(principal, model, None, force)
    model_id: UUID = model.pk  # Django takes it from the object
    delete_locked(principal.actor, model)
    return model_id


def delete_locked(actor: str, model: RegisteredModel) -> None:
    """Delete a model whose row the caller's transaction holds, and that no deployment needs any more."""
    leave_children(model.versions.all())
    trail.record(actor, Action.DELETE, model, {name: (getattr(model, name), None) for name in AUDITED_FIELDS})
    delete_with_versions(model)
