"""What moves aliases. Each move is history: who, when, from what to what."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.db import transaction
from django.http import Http404
from django.utils import timezone

from keys import audit
from keys.principal import Principal
from mcp_project.errors import ApiError
from registry.models import ModelAliasMove, RegisteredModel
from registry.queries import find_model, find_version
from registry.services import followers
from registry.services.models import check_etag, touch
from registry.validators import MAX_ALIASES


def set_alias(
    principal: Principal, ident: str, alias: str, number: int, etags: Collection[str] | None
) -> RegisteredModel:
    """Let the alias name this version from now on. Raises Http404; ApiError CONFLICT for one alias too many,
    PRECONDITION_FAILED when the model is not the one that was read; CONFLICT where a deployment cannot follow."""
    with transaction.atomic():
        model = find_model(principal, ident, lock=True)
        check_etag(model, etags)
        find_version(model, number)
        if alias not in model.aliases and len(model.aliases) >= MAX_ALIASES:
            raise ApiError("CONFLICT", f"A model has at most {MAX_ALIASES} aliases.")
        _move_and_write(principal, model, alias, number)
    return model


def delete_alias(principal: Principal, ident: str, alias: str, etags: Collection[str] | None) -> None:
    """Raises Http404; ApiError CONFLICT while a deployment follows it, and PRECONDITION_FAILED."""
    with transaction.atomic():
        model = find_model(principal, ident, lock=True)
        check_etag(model, etags)
        if alias not in model.aliases:
            raise Http404
        _move_and_write(principal, model, alias, None)


def roll_alias_back(principal: Principal, ident: str, alias: str) -> int:
    """Let the alias name again what it named before its last move; which that is.

    Raises Http404 for an alias that was never set; ApiError CONFLICT where it named nothing before, or a version that
    is deleted.
    """
    with transaction.atomic():
        model = find_model(principal, ident, lock=True)
        last = model.alias_moves.filter(alias=alias).first()
        if last is None:
            raise Http404
        if last.before is None:
            raise ApiError("CONFLICT", f"The alias {alias!r} named no version before its last move.")
        if not model.versions.filter(number=last.before).exists():
            raise ApiError("CONFLICT", f"Version {last.before}, which it named before, is deleted.")
        _move_and_write(principal, model, alias, last.before)
        return last.before


def _move_and_write(principal: Principal, model: RegisteredModel, alias: str, number: int | None) -> None:
    followers.refuse_move(principal, model, alias, number)
    if move(principal.actor, model, alias, number):
        touch(model, "aliases")


def alias_at(model: RegisteredModel, alias: str, moment: datetime) -> int | None:
    """Which version the alias named at a moment."""
    return model.alias_moves.filter(alias=alias, at__lte=moment).values_list("after", flat=True).first()


def drop_aliases_of(actor: str, model: RegisteredModel, number: int) -> None:
    """On a locked model, which the caller writes."""
    for alias in model.aliases_of(number):
        move(actor, model, alias, None)


def move(actor: str, model: RegisteredModel, alias: str, number: int | None) -> bool:
    """On a locked model, which the caller writes; whether anything moved. The deployments that follow the alias get
    their revisions here, so that no way to move one leaves them behind. The moment is that of the move, not of the
    transaction's begin: whoever waited for the lock comes later."""
    before: Any = model.aliases.get(alias)
    if before == number:
        return False
    model.aliases = {name: of for name, of in {**model.aliases, alias: number}.items() if of is not None}
    last = model.alias_moves.filter(alias=alias).values_list("at", flat=True).first()
    at = max(timezone.now(), last) if last else timezone.now()  # hosts' clocks differ; history does not go back
    ModelAliasMove.objects.create(
        model=model, alias=alias, edition=model.edition + 1, at=at, actor=actor, before=before, after=number
    )
    audit.record(actor, "move_alias", model, {f"alias {alias}": (before, number)})
    followers.follow(actor, model, alias, before, number)
    return True
