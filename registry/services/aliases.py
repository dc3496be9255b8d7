"""Moves of aliases, of models and of contexts. Each move is history: who, when, from which version to which."""

from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any

from django.utils import timezone

from keys.principal import Principal
from mcp_project.audit import trail
from mcp_project.audit.actions import Action
from mcp_project.database import transactions
from mcp_project.errors import Conflict, NotFound
from registry.models import Named, RegisteredModel
from registry.services import followers
from registry.services.named import require_etag
from registry.validators import MAX_ALIASES

Lock = Callable[[], Named]  # finds the model or context whose alias it is, and holds its row


@transactions.change
def set_alias(principal: Principal, lock: Lock, alias: str, number: int, etags: Collection[str] | None) -> Named:
    """Let the alias name this version from now on. Raises NotFound, also for the version; Conflict for one
    alias too many, or where a deployment cannot follow; Stale when the model is not the one that was
    read."""
    resource = lock()
    require_etag(resource, etags)
    if not resource.versions.filter(number=number).exists():
        raise NotFound(f"There is no version {number}.")
    if alias not in resource.aliases and len(resource.aliases) >= MAX_ALIASES:
        raise Conflict(f"There are at most {MAX_ALIASES} aliases.")
    _move_and_write(principal, resource, alias, number)
    return resource


@transactions.change
def delete_alias(principal: Principal, lock: Lock, alias: str, etags: Collection[str] | None) -> None:
    """Raises NotFound, Conflict while a deployment follows it, and Stale."""
    resource = lock()
    require_etag(resource, etags)
    if alias not in resource.aliases:
        raise NotFound
    _move_and_write(principal, resource, alias, None)


@transactions.change
def roll_alias_back(principal: Principal, lock: Lock, alias: str) -> int:
    """Let the alias name again what it named before its last move; which that is.

    Raises NotFound for an alias that was never set; Conflict where it named nothing before, or a version that
    is deleted.
    """
    resource = lock()
    last = resource.alias_moves.filter(alias=alias).first()
    if last is None:
        raise NotFound
    if last.before is None:
        raise Conflict(f"The alias {alias!r} named no version before its last move.")
    if not resource.versions.filter(number=last.before).exists():
        raise Conflict(f"Version {last.before}, which it named before, is deleted.")
    _move_and_write(principal, resource, alias, last.before)
    return int(last.before)


def _move_and_write(principal: Principal, resource: Named, alias: str, number: int | None) -> None:
    if isinstance(resource, RegisteredModel):
        followers.require_followable(principal, resource, alias, number)
    if move(principal.actor, resource, alias, number):
        resource.save_changes("aliases")


def alias_at(resource: Named, alias: str, moment: datetime) -> int | None:
    """Which version the alias named at a moment."""
    after: int | None = resource.alias_moves.filter(alias=alias, at__lte=moment).values_list("after", flat=True).first()
    return after


def drop_aliases_of(actor: str, resource: Named, number: int) -> None:
    """On a locked resource, which the caller writes."""
    for alias in resource.aliases_of(number):
        move(actor, resource, alias, None)


def move(actor: str, resource: Named, alias: str, number: int | None) -> bool:
    """Move an alias of a locked resource, which the caller writes. Returns whether it moved.

    The deployments that follow the alias get their revisions here, so that no kind of move leaves them behind. The time
    is that of the move, not that of the transaction's begin: a transaction that waited for the lock comes later.
    """
    before: Any = resource.aliases.get(alias)
    if before == number:
        return False
    resource.aliases = {name: of for name, of in {**resource.aliases, alias: number}.items() if of is not None}
    last = resource.alias_moves.filter(alias=alias).values_list("at", flat=True).first()
    at = max(timezone.now(), last) if last else timezone.now()  # hosts' clocks differ; history does not go back
    resource.alias_moves.create(
        alias=alias, edition=resource.edition + 1, at=at, actor=actor, before=before, after=number
    )
    trail.record(actor, Action.MOVE_ALIAS, resource, {f"alias {alias}": (before, number)})
    if isinstance(resource, RegisteredModel):  # deployments name versions of contexts by their numbers
        followers.follow(actor, resource, alias, before, number)
    return True
