"""Registering many models at once, in a handful of statements."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from keys.principal import Principal
from mcp_project.audit import trail
from mcp_project.audit.actions import Action
from mcp_project.audit.models import AuditEntry
from mcp_project.database import transactions
from mcp_project.errors import Conflict, DomainError
from registry.models import RegisteredModel
from registry.services.models import AUDITED_FIELDS
from registry.services.names import require_name


class Outcome(NamedTuple):
    """The outcome of one row: the model, or the error."""

    model: RegisteredModel | None
    error: DomainError | None


@transactions.change
def register_models(principal: Principal, rows: Sequence[dict[str, Any] | DomainError], each: bool) -> list[Outcome]:
    """Register each row that is no error already. With `each`, a row's failure is its own; without it, the first one
    is raised, and nothing is registered."""
    models = [_model(principal, row) if isinstance(row, dict) else row for row in rows]
    new_models = [model for model in models if isinstance(model, RegisteredModel)]
    # The unique index decides, row by row: whose name is taken, also by an earlier row, is not there afterwards.
    # Sorted, so that two batches with the same names wait for each other in one order.
    new_models.sort(key=lambda model: model.name)
    RegisteredModel.objects.bulk_create(new_models, ignore_conflicts=True, batch_size=500)
    made = set(RegisteredModel.objects.filter(pk__in=[model.pk for model in new_models]).values_list("pk", flat=True))
    outcomes = [_outcome(model, made) for model in models]
    failed = next((outcome.error for outcome in outcomes if outcome.error is not None), None)
    if failed is not None and not each:
        raise failed
    entries = [_entry(principal, outcome.model) for outcome in outcomes if outcome.model is not None]
    AuditEntry.objects.bulk_create(entries, batch_size=500)
    return outcomes


def _model(principal: Principal, fields: dict[str, Any]) -> RegisteredModel | DomainError:
    try:
        require_name(principal, RegisteredModel, fields["name"])
    except DomainError as error:
        return error
    return RegisteredModel(**{"owner": principal.owner, "created_by": principal.actor, **fields})


def _outcome(model: RegisteredModel | DomainError, made: set[Any]) -> Outcome:
    if isinstance(model, DomainError):
        return Outcome(None, model)
    if model.pk in made:
        return Outcome(model, None)
    return Outcome(None, Conflict(f"A model named {model.name!r} exists already."))


def _entry(principal: Principal, model: RegisteredModel) -> AuditEntry:
    return trail.entry(
        principal.actor, Action.CREATE, model, {name: (None, getattr(model, name)) for name in AUDITED_FIELDS}
    )
