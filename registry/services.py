"""What changes the registry."""

from typing import Any

from django.db import IntegrityError, transaction

from keys.principal import Principal
from mcp_project.errors import ApiError
from registry.models import RegisteredModel


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
            return RegisteredModel.objects.create(created_by=principal.actor, **fields)
    except IntegrityError:
        raise ApiError("CONFLICT", f"A model named {fields['name']!r} exists already.") from None
