"""What changes models. Each change and its audit entry are one transaction."""

from collections.abc import Collection, Mapping
from typing import Any, TypeVar

from django.db import IntegrityError, transaction
from django.utils import timezone

from keys import audit
from keys.models import Permission
from keys.principal import Principal
from mcp_project.errors import ApiError
from mcp_project.statements import update
from registry.canonical import canonical
from registry.models import Named, RegisteredModel
from registry.queries import find_model
from registry.services import followers
from registry.services.lineage import touch_children

Row = TypeVar("Row", bound=Named)

TOLD = ("name", "description", "owner", "framework", "task", "license", "tags", "metadata")


def register_model(principal: Principal, **fields: Any) -> RegisteredModel:
    """A new registered model; its owner is the key's unless another is given.

    Raises ApiError CONFLICT when the name is taken: the unique index decides that, also between two requests at once;
    NOT_FOUND for a name that the key may not see, whether or not it is taken.
    """
    _may_name(principal, fields["name"])
    fields.setdefault("owner", principal.owner)
    try:
        with transaction.atomic():
            return save_model(principal.actor, RegisteredModel(created_by=principal.actor, **fields), "create", TOLD)
    except IntegrityError:
        raise _taken(fields["name"]) from None


def update_model(
    principal: Principal, ident: str, etags: Collection[str] | None, changes: Mapping[str, Any]
) -> RegisteredModel:
    """Change a model, if its ETag is still one of `etags` (None: whichever it is). Its history stays with it when it is
    renamed. Raises Http404; ApiError PRECONDITION_FAILED, CONFLICT, NOT_FOUND as `register_model`."""
    if "name" in changes:
        _may_name(principal, changes["name"])
    try:
        with transaction.atomic():
            model = find_model(principal, ident, lock=True)
            if changes.get("owner", model.owner) != model.owner:
                may_govern(principal, model.owner)  # else whoever may write could take it, and delete it then
            check_etag(model, etags)
            for name, value in changes.items():
                setattr(model, name, value)
            return save_model(principal.actor, model, "update", changes)
    except IntegrityError:
        raise _taken(changes["name"]) from None


def delete_model(principal: Principal, ident: str, etags: Collection[str] | None, force: bool = False) -> None:
    """With its versions, aliases and lineage; the audit trail stays. Deployments that need it fail with `force`, and
    without are a CONFLICT. Raises Http404; ApiError PRECONDITION_FAILED, and PERMISSION_DENIED for what others own."""
    with transaction.atomic():
        model = find_model(principal, ident, lock=True)
        may_govern(principal, model.owner)
        check_etag(model, etags)
        followers.make_way(principal, model, None, force)
        delete_held(principal.actor, model)


def delete_held(actor: str, model: RegisteredModel) -> None:
    """Delete a model whose row the caller's transaction holds, and that no deployment needs any more."""
    touch_children(model.versions.select_for_update())
    audit.record(actor, "delete", model, {name: (getattr(model, name), None) for name in TOLD})
    model.delete()


def save_model(actor: str, model: Row, action: str, names: Collection[str]) -> Row:
    """Write the model, or context, and what is new in the fields `names`, in the caller's transaction."""
    rows = type(model)._default_manager
    stored = None if action == "create" else rows.select_for_update().get(pk=model.pk)
    pairs = {name: (getattr(stored, name, None), getattr(model, name)) for name in names}
    changes = {name: pair for name, pair in pairs.items() if stored is None or differ(*pair)}
    if stored is None:
        model.save(force_insert=True)
    elif changes:
        model.edition = stored.edition
        touch(model, *changes)
    else:
        return model
    audit.record(actor, action, model, changes)
    if stored is not None and "name" in changes:
        followers.rename(actor, model, stored.name)
        if isinstance(model, RegisteredModel):
            touch_children(model.versions.all())
    return model


def touch(model: Named, *names: str) -> None:
    """Write the fields `names` of a locked model, which has changed by them."""
    model.edition += 1
    model.updated_at = timezone.now()
    update(model, *names, "edition", "updated_at")


def check_etag(resource: Any, etags: Collection[str] | None) -> None:
    if etags is not None and resource.etag not in etags:
        raise ApiError("PRECONDITION_FAILED")


def may_govern(principal: Principal, owner: str) -> None:
    """Raises ApiError PERMISSION_DENIED."""
    if owner != principal.owner and not principal.may(Permission.ADMIN):
        text = "What others own is deleted, and given to others, by keys with the permission admin."
        raise ApiError("PERMISSION_DENIED", text)


def differ(before: Any, after: Any) -> bool:
    """Also where Python calls them equal: 1 and true, within JSON."""
    if isinstance(before, dict | list) and isinstance(after, dict | list):
        return canonical(before) != canonical(after)
    return bool(before != after)


def _may_name(principal: Principal, name: str) -> None:
    if not principal.may_see(name):
        raise ApiError("NOT_FOUND", "The key is bound to models with other names.")


def _taken(name: str) -> ApiError:
    return ApiError("CONFLICT", f"A model named {name!r} exists already.")
