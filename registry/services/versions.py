"""Changes to versions of models. Each change and its audit entry are one transaction, in which the model's row is
locked: so numbers are consecutive, and a reader of the model sees all of a change or nothing."""

from collections.abc import Collection, Mapping
from typing import Any

from keys.principal import Principal
from mcp_project.audit import trail
from mcp_project.audit.actions import Action
from mcp_project.database import transactions
from mcp_project.database.statements import insert
from mcp_project.errors import Conflict, FieldError, Invalid
from mcp_project.patches.django import set_related
from registry.models import ModelVersion, RegisteredModel, Stage, Status
from registry.queries import find_model, find_version
from registry.services import followers
from registry.services.aliases import drop_aliases_of
from registry.services.lineage import leave_children, set_parents
from registry.services.named import differ, require_etag, require_owner
from registry.uris import may_see_uri

# From which status to which; ready is for good.
MOVES = {Status.PENDING: {Status.READY, Status.FAILED}, Status.FAILED: {Status.PENDING}, Status.READY: set[Status]()}


@transactions.change
def create_version(principal: Principal, id_or_name: str, **fields: Any) -> ModelVersion:
    """Create the model's next version. Raises NotFound, and Invalid for parents that the key may not see."""
    parents = fields.pop("parents", [])
    _require_visible_source(principal, fields)
    model = find_model(principal, id_or_name, lock=True)
    model.last_number += 1
    model.latest_version = model.last_number
    version = ModelVersion(model=model, number=model.last_number, created_by=principal.actor, **fields)
    insert(version)
    if parents:
        set_parents(principal, version, parents, new=True)
    else:
        set_related(version, parents=[])
    model.save_changes("last_number", "latest_version")
    audited = {"version": (None, version.number), "source": (None, version.source)}
    trail.record(principal.actor, Action.CREATE_VERSION, model, audited)
    return version


@transactions.change
def update_version(
    principal: Principal, id_or_name: str, number: int, etags: Collection[str] | None, changes: Mapping[str, Any]
) -> ModelVersion:
    """Change a version, if its ETag is still one of `etags` (None: whichever it is).

    Raises NotFound, Stale, and Conflict for what defines a version that is ready, or a status
    that does not follow from its own; Invalid for parents.
    """
    changes = dict(changes)
    parents = changes.pop("parents", None)
    _require_visible_source(principal, changes)
    model = find_model(principal, id_or_name, lock=True)
    version = find_version(model, number, lock=True)
    require_etag(version, etags)
    _require_changeable(version, changes, parents)
    audited: dict[str, Any] = {"version": (number, number)}
    for name, value in changes.items():
        if differ(getattr(version, name), value):
            audited[name] = (getattr(version, name), value)
            setattr(version, name, value)
    if parents is not None:
        before, after = set_parents(principal, version, parents)
        if before != after:
            audited["parents"] = (before, after)
    if len(audited) > 1:
        version.save_changes(*(name for name in audited if name not in ("version", "parents")))
        trail.record(principal.actor, Action.UPDATE_VERSION, model, audited)
    return version


def _require_visible_source(principal: Principal, fields: Mapping[str, Any]) -> None:
    if not may_see_uri(principal, fields.get("source", "")):
        raise Invalid(FieldError("source", f"There is no {fields['source'][:300]}."))


def _require_changeable(version: ModelVersion, changes: Mapping[str, Any], parents: Any) -> None:
    fixed = [
        name for name in ModelVersion.DEFINITION if name in changes and differ(getattr(version, name), changes[name])
    ]
    if version.status == Status.READY and (fixed or parents is not None):
        names = ", ".join([*fixed, *(["parents"] if parents is not None else [])])
        raise Conflict(f"The version is ready, and what defines it is fixed: {names}.")
    status = changes.get("status", version.status)
    if status != version.status and status not in MOVES[Status(version.status)]:
        allowed = ", ".join(sorted(MOVES[Status(version.status)])) or "none"
        raise Conflict(f"A version that is {version.status} cannot become {status}; allowed: {allowed}.")


@transactions.change
def delete_version(
    principal: Principal, id_or_name: str, number: int, etags: Collection[str] | None, force: bool = False
) -> None:
    """Delete a version with its aliases. Its number is not given again. Raises the errors of
    `services.models.delete_model`."""
    model = find_model(principal, id_or_name, lock=True)
    version = find_version(model, number, lock=True)
    require_owner(principal, model.owner)
    require_etag(version, etags)
    followers.prepare_deletion(principal, model, number, force)
    leave_children(ModelVersion.objects.filter(pk=version.pk))
    drop_aliases_of(principal.actor, model, number)
    audited = {"version": (number, None), "source": (version.source, None)}
    trail.record(principal.actor, Action.DELETE_VERSION, model, audited)
    version.delete()
    latest = model.versions.order_by("-number").values_list("number", flat=True).first()
    model.latest_version = latest
    model.save_changes("latest_version", "aliases")


@transactions.change
def set_stage(principal: Principal, id_or_name: str, number: int, stage: Stage, archive_existing: bool) -> ModelVersion:
    """Move a version to a stage; with `archive_existing`, move those that are there now to Archived.

    Raises NotFound, and Conflict where there is nothing that archiving could make room for (MLflow's rule).
    """
    if archive_existing and stage not in (Stage.STAGING, Stage.PRODUCTION):
        raise Conflict("Only the stages Staging and Production archive what they held.")
    model = find_model(principal, id_or_name, lock=True)
    version = find_version(model, number, lock=True)
    moved = _moves(model, version, stage, archive_existing)
    for other, (_, after) in moved.items():
        other.stage = after
        other.save_changes("stage")
    if moved:
        audited = {f"version {other.number}": pair for other, pair in moved.items()}
        trail.record(principal.actor, Action.SET_STAGE, model, audited)
        model.save_changes()
    return version


def _moves(
    model: RegisteredModel, version: ModelVersion, stage: Stage, archive_existing: bool
) -> dict[ModelVersion, tuple[str, Stage]]:
    moves = {version: (version.stage, stage)} if version.stage != stage else {}
    if archive_existing:
        others = model.versions.select_for_update().filter(stage=stage).exclude(pk=version.pk)
        for other in others.order_by("number").only("number", "edition"):  # they may be many, and 300 KB each
            moves[other] = (stage, Stage.ARCHIVED)
    return moves
