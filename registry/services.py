"""What changes the registry. Each change and its audit entry are one transaction."""

from typing import Any

from django.db import IntegrityError, transaction

from keys import audit
from keys.principal import Principal
from mcp_project.errors import ApiError
from registry.models import RegisteredModel

TOLD = ("name", "description", "owner", "framework", "task", "tags", "metadata")


def register_model(principal: Principal, **fields: Any) -> RegisteredModel:
    """A new registered model; its owner is the key's unless another is given.

    Raises ApiError CONFLICT when the name is taken: the unique index decides that, also between two requests at once;
    NOT_FOUND for a name that the key may not see, whether or not it is taken.
    """
    if not principal.may_see(fields["name"]):
        raise ApiError("NOT_FOUND", "The key is bound to models with other names.")
    fields.setdefault("owner", principal.owner)
    try:
        with transaction.atomic():
            return save_model(principal.actor, RegisteredModel(created_by=principal.actor, **fields), "create", TOLD)
    except IntegrityError:
        raise ApiError("CONFLICT", f"A model named {fields['name']!r} exists already.") from None


def save_model(actor: str, model: RegisteredModel, action: str, names: Any) -> RegisteredModel:
    """Write the model and what is new in the fields `names`, in the caller's transaction."""
    stored = None if action == "create" else RegisteredModel.objects.select_for_update().get(pk=model.pk)
    pairs = {name: (getattr(stored, name, None), getattr(model, name)) for name in names}
    changes = {name: (before, after) for name, (before, after) in pairs.items() if stored is None or before != after}
    model.save()
    audit.record(actor, action, model, changes)
    return model
