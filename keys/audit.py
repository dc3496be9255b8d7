"""Writing the audit trail.

Our own, and not django-auditlog or django-simple-history: both take the actor for a Django user, and most of ours are
API keys; and both write from signals, which bulk statements do not send.
"""

from typing import Any
from uuid import UUID

import structlog
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

from keys.models import AuditEntry

ENCODER = DjangoJSONEncoder()


def entry(actor: str, action: str, thing: models.Model, changes: dict[str, tuple[Any, Any]]) -> AuditEntry:
    """Who did what to which thing; `changes` has, for each field, what it was and what it is.

    `actor` is `key:<uuid>`, `user:<name>`, `command` or `init`.
    """
    context = structlog.contextvars.get_contextvars()
    shown = {name: [_plain(before), _plain(after)] for name, (before, after) in changes.items()}
    return AuditEntry(
        actor=actor,
        action=action,
        object_type=thing._meta.model_name or "",
        object_id=str(thing.pk),
        object_name=getattr(thing, "name", ""),
        changes=shown,
        request_id=context.get("request_id", ""),
    )


def record(actor: str, action: str, thing: models.Model, changes: dict[str, tuple[Any, Any]]) -> None:
    """Write one entry, in the caller's transaction."""
    entry(actor, action, thing, changes).save(force_insert=True)


def _plain(value: Any) -> Any:
    """What JSON can hold; times as Django writes them."""
    if isinstance(value, str | int | float | bool | list | dict | None):
        return value
    return str(value) if isinstance(value, UUID) else ENCODER.default(value)
