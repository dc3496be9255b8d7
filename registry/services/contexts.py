"""Changes to contexts, and new versions of them. Each change and its audit entry are one transaction, in which the
context's row is locked."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from keys.principal import Principal
from mcp_project.audit import trail
from mcp_project.audit.actions import Action
from mcp_project.database import transactions
from mcp_project.errors import Conflict, FieldError, Invalid
from registry.canonical import digest
from registry.models import Context, ContextVersion
from registry.queries import find_context, visible_models
from registry.services import followers
from registry.services.named import change, delete_with_versions, require_etag, require_owner, save
from registry.services.names import require_name, unique_name
from registry.uris import may_see_uri

AUDITED_FIELDS = ("name", "description", "owner", "tags", "metadata")
MAX_MODELS = 200


@transactions.change
def create_context(principal: Principal, **fields: Any) -> Context:
    """A new context without versions; its owner is the key's unless another is given. Raises Conflict when the
    name is taken, and NOT_FOUND for a name that the key may not give."""
    require_name(principal, Context, fields["name"])
    fields.setdefault("owner", principal.owner)
    with unique_name(principal, Context, fields["name"]):
        return save(principal.actor, Context(created_by=principal.actor, **fields), Action.CREATE, AUDITED_FIELDS)


@transactions.change
def update_context(
    principal: Principal, id_or_name: str, etags: Collection[str] | None, changes: Mapping[str, Any]
) -> Context:
    """Change a context, if its ETag is still one of `etags` (None: whichever it is). Raises NotFound, Stale, and
    Conflict for a name that is taken."""
    with unique_name(principal, Context, changes.get("name")):
        return change(principal, find_context(principal, id_or_name, lock=True), etags, changes)


@transactions.change
def delete_context(principal: Principal, id_or_name: str, etags: Collection[str] | None, force: bool = False) -> UUID:
    """Delete a context with its versions and aliases. Returns its id. The audit trail stays.

    Deployments that need it fail with `force`; without it they are a Conflict. Raises NotFound, Stale, and Forbidden as
    `require_owner`.
    """
    context = find_context(principal, id_or_name, lock=True)
    require_owner(principal, context.owner)
    require_etag(context, etags)
    followers.prepare_deletion(principal, context, None, force)
    context_id: UUID = context.pk  # Django takes it from the object
    delete_locked(principal.actor, context)
    return context_id


def delete_locked(actor: str, context: Context) -> None:
    """Delete a context whose row the caller's transaction holds, and that no deployment needs any more."""
    trail.record(actor, Action.DELETE, context, {name: (getattr(context, name), None) for name in AUDITED_FIELDS})
    delete_with_versions(context)


@transactions.change
def create_version(principal: Principal, id_or_name: str, **fields: Any) -> ContextVersion:
    """Create the context's next version. Raises NotFound; Invalid for models that the key may not see; Conflict
    for models too many."""
    context = find_context(principal, id_or_name, lock=True)
    _require_visible_models(principal, fields["models"])
    _require_visible_resources(principal, fields["resources"])
    context.models = sorted({*context.models, *fields["models"]})
    if len(context.models) > MAX_MODELS:
        raise Conflict(f"The versions of a context are meant for at most {MAX_MODELS} models in all.")
    context.last_number += 1
    context.latest_version = context.last_number
    version = ContextVersion(context=context, number=context.last_number, created_by=principal.actor, **fields)
    version.digest = digest(version.content)
    version.save(force_insert=True)
    context.save_changes("last_number", "latest_version", "models")
    audited = {"version": (None, version.number), "digest": (None, version.digest)}
    trail.record(principal.actor, Action.CREATE_VERSION, context, audited)
    return version


def _require_visible_models(principal: Principal, names: Sequence[str]) -> None:
    there = set(visible_models(principal).filter(name__in=names).values_list("name", flat=True)) if names else set()
    absent = [name for name in names if name not in there]
    if absent:
        raise Invalid(*(FieldError("models", f"There is no model named {name!r}.") for name in absent))


def _require_visible_resources(principal: Principal, resources: Sequence[Mapping[str, Any]]) -> None:
    absent = [resource["uri"] for resource in resources if not may_see_uri(principal, resource["uri"])]
    if absent:
        raise Invalid(*(FieldError("resources", f"There is no {uri[:300]}.") for uri in absent))
