"""Changes that models and contexts share. Each change and its audit entry are one transaction."""

from collections.abc import Collection, Mapping
from typing import Any, TypeVar

from keys.models import Permission
from keys.principal import Principal
from mcp_project.audit import trail
from mcp_project.audit.actions import Action
from mcp_project.errors import Forbidden, Stale
from registry.canonical import canonical
from registry.models import Named, RegisteredModel
from registry.services import followers
from registry.services.lineage import touch_children
from registry.services.names import create, require_free, require_name

Row = TypeVar("Row", bound=Named)
DELETED_AT_ONCE = 250  # versions, in a statement: of 300 KB each, some 0.1 s of PostgreSQL


def change(principal: Principal, resource: Row, etags: Collection[str] | None, changes: Mapping[str, Any]) -> Row:
    """Change a resource that is held, if its ETag is still one of `etags` (None: whichever it is). Raises Stale, and
    Forbidden for a new owner of what another owner owns."""
    if changes.get("owner", resource.owner) != resource.owner:
        require_owner(principal, resource.owner)  # else any key with `write` could take it over, and then delete it
    require_etag(resource, etags)
    if changes.get("name", resource.name) != resource.name:
        require_name(principal, type(resource), changes["name"])
    for name, value in changes.items():
        setattr(resource, name, value)
    return save(principal.actor, resource, Action.UPDATE, changes)


def save(actor: str, resource: Row, action: Action, names: Collection[str]) -> Row:
    """Write the resource with the changed ones of the fields `names`, and its audit entry, in the caller's
    transaction."""
    rows = type(resource)._default_manager
    stored = None if action == Action.CREATE else rows.select_for_update().get(pk=resource.pk)
    pairs = {name: (getattr(stored, name, None), getattr(resource, name)) for name in names}
    changes = {name: pair for name, pair in pairs.items() if stored is None or differ(*pair)}
    if stored is None:
        create(resource)
    elif changes:
        if "name" in changes:
            require_free(rows, resource.name)
        resource.edition = stored.edition
        resource.save_changes(*changes)
    else:
        return resource
    trail.record(actor, action, resource, changes)
    if stored is not None and "name" in changes:
        followers.rename(actor, resource)
        if isinstance(resource, RegisteredModel):
            touch_children(resource.versions.all())
    return resource


def delete_with_versions(resource: Named) -> None:
    """Delete a held resource and what belongs to it. The database cascades; the versions go first, in parts, so that
    no statement lasts longer the more of them there are."""
    versions = resource.versions.order_by()
    while versions.filter(pk__in=versions.values("pk")[:DELETED_AT_ONCE]).delete()[0]:
        pass
    resource.delete()


def require_etag(resource: Any, etags: Collection[str] | None) -> None:
    if etags is not None and resource.etag not in etags:
        raise Stale


def require_owner(principal: Principal, owner: str) -> None:
    """Raises Forbidden."""
    if owner != principal.owner and not principal.may(Permission.ADMIN):
        text = "Only a key with the permission `admin` may delete or reassign what another owner owns."
        raise Forbidden(text)


def differ(before: Any, after: Any) -> bool:
    """Whether two values differ, also where Python calls them equal: 1 and true, within JSON."""
    if isinstance(before, dict | list) and isinstance(after, dict | list):
        return canonical(before) != canonical(after)
    return bool(before != after)
