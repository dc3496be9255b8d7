"""Writes the audit trail.

django-auditlog and django-simple-history do not fit: both take the actor for a Django user, and most of ours are API
keys; and both write from signals, which bulk statements do not send.
"""

from typing import Any
from uuid import UUID

import structlog
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

from mcp_project.audit.actions import Action
from mcp_project.audit.models import AuditEntry
from mcp_project.database.statements import insert

ENCODER = DjangoJSONEncoder()


def entry(actor: str, action: Action, thing: models.Model, changes: dict[str, tuple[Any, Any]]) -> AuditEntry:
    """An entry that is not written yet: who did what to which thing. `changes` gives each field's old and new value.

    `actor` is `key:<uuid>`, `user:<name>`, `command` or `init`.
    """
    context = structlog.contextvars.get_contextvars()
    shown = {name: [_plain(before), _plain(after)] for name, (before, after) in changes.items()}
    return AuditEntry(
        actor=actor,
        action=action.value,
        object_type=thing._meta.model_name or "",
        object_id=str(thing.pk),
        object_name=getattr(thing, "name", ""),
        changes=shown,
        request_id=context.get("request_id", ""),
    )


def record(actor: str, action: Action, thing: models.Model, changes: dict[str, tuple[Any, Any]]) -> None:
    """Write one entry, in the caller's transaction."""
    insert(entry(actor, action, thing, changes))


def _plain(value: Any) -> Any:
    """The value as JSON can hold it, with times as Django writes them."""
    if isinstance(value, str | int | float | bool | list | dict | None):
        return value
    return str(value) if isinstance(value, UUID) else ENCODER.default(value)
