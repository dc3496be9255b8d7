"""What changes the registry."""

from typing import Any

from django.db import IntegrityError, transaction

from keys.principal import Principal
from mcp_project.errors import ApiError
from registry.models import RegisteredModel


def register_model(principal: Principal, **fields: Any) -> RegisteredModel:
    """A new registered model; its owner is the key's unless another is given.

    Raises ApiError CONFLICT when the name is taken: the unique index decides that, also between two requests at once.
    """
    fields.setdefault("owner", principal.owner)
    try:
        with transaction.atomic():
            return RegisteredModel.objects.create(created_by=principal.actor, **fields)
    except IntegrityError:
        raise ApiError("CONFLICT", f"A model named {fields['name']!r} exists already.") from None
