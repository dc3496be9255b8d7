"""Changes to deployments. Each change, its revision and its audit entry are one transaction, which locks first the
models of new targets, then the deployment."""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError

from keys.principal import Principal
from mcp_project.audit import trail
from mcp_project.audit.actions import Action
from mcp_project.database import transactions
from mcp_project.errors import Conflict
from registry.endpoints import validate_endpoint
from registry.models import Deployment, DeploymentStatus, DeploymentTarget
from registry.queries import find_deployment, find_revision
from registry.services.named import require_etag, require_owner
from registry.services.names import require_name, unique_name
from registry.services.revisions import FIELDS, Change, content_of, is_changed, seal
from registry.services.targets import require_existing_versions, resolve_targets, targets_again

# From which status to which; retired is for good.
MOVES: dict[str, frozenset[str]] = {
    DeploymentStatus.PENDING: frozenset({"active", "failed", "retired"}),
    DeploymentStatus.ACTIVE: frozenset({"draining", "failed"}),
    DeploymentStatus.DRAINING: frozenset({"active", "retired", "failed"}),
    DeploymentStatus.FAILED: frozenset({"pending", "retired"}),
    DeploymentStatus.RETIRED: frozenset(),
}
FIRST = ("pending", "active")  # what a new deployment may be
OF_RETIRED = {"description", "owner", "tags", "metadata"}  # fields that can still be changed once it is retired
RESTORED = tuple(name for name in FIELDS if name != "status")  # by a rollback


@transactions.change
def create_deployment(principal: Principal, message: str = "", **fields: Any) -> Deployment:
    """Create a deployment. Its owner is the key's, unless `owner` is set. Raises Invalid for its targets, and Conflict
    for a name that is taken, which the unique index decides."""
    require_name(principal, Deployment, fields["name"])
    target_fields = fields.pop("targets")
    fields.setdefault("owner", principal.owner)
    with unique_name(principal, Deployment, fields["name"]):
        targets = resolve_targets(principal, target_fields)
        deployment = Deployment(created_by=principal.actor, **fields)
        seal(Change(principal.actor, Action.CREATE, message), deployment, None, targets)
        return deployment


@transactions.change
def update_deployment(
    principal: Principal, id_or_name: str, etags: Collection[str] | None, changes: Mapping[str, Any], message: str = ""
) -> Deployment:
    """Change a deployment, if its ETag is one of `etags` (None: any). A change without effect makes no revision.

    Raises NotFound, Stale, Invalid for its targets, and Conflict for a name that is taken, a status that does not
    follow from its own, or a field that is fixed once it is retired.
    """
    changes = dict(changes)
    target_fields = changes.pop("targets", None)
    with unique_name(principal, Deployment, changes.get("name")):
        new_targets = None if target_fields is None else resolve_targets(principal, target_fields)
        deployment = find_deployment(principal, id_or_name, lock=True)
        if changes.get("owner", deployment.owner) != deployment.owner:
            require_owner(principal, deployment.owner)
        require_etag(deployment, etags)
        if changes.get("name", deployment.name) != deployment.name:
            require_name(principal, Deployment, changes["name"])
        change_locked(Change(principal.actor, Action.UPDATE, message), deployment, changes, new_targets)
        return deployment


def change_locked(
    change: Change,
    deployment: Deployment,
    changes: Mapping[str, Any],
    new_targets: Sequence[DeploymentTarget] | None = None,
) -> None:
    """Change a deployment, as it is stored, whose row the caller's transaction holds. Raises Conflict."""
    targets = list(deployment.targets.all())
    before = content_of(deployment, targets)
    for name, value in changes.items():
        setattr(deployment, name, value)
    targets = targets if new_targets is None else list(new_targets)
    if is_changed(before, deployment, targets):
        require_allowed_status(before["status"], deployment.status, targets)
        _require_not_retired(before, content_of(deployment, targets))
        seal(change, deployment, before, targets)


@transactions.change
def delete_deployment(principal: Principal, id_or_name: str, etags: Collection[str] | None) -> UUID:
    """Delete a deployment with its revisions. Returns its id. The audit trail stays. Raises NotFound, Stale, and
    Forbidden as `require_owner`."""
    deployment = find_deployment(principal, id_or_name, lock=True)
    require_owner(principal, deployment.owner)
    require_etag(deployment, etags)
    deployment_id: UUID = deployment.pk  # Django takes it from the object
    delete_locked(principal.actor, deployment)
    return deployment_id


def delete_locked(actor: str, deployment: Deployment) -> None:
    """Delete a deployment whose row the caller's transaction holds."""
    content = content_of(deployment, list(deployment.targets.all()))
    audited: dict[str, Any] = {name: (value, None) for name, value in content.items()}
    trail.record(actor, Action.DELETE, deployment, audited)
    deployment.delete()


@transactions.change
def roll_back(
    principal: Principal, id_or_name: str, number: int, etags: Collection[str] | None, message: str = ""
) -> Deployment:
    """Give the deployment again all that it had in the revision but its status, which only moves as MOVES has it.

    Raises NotFound, Stale, and Conflict where the deployment is retired, a version that the
    revision pins is deleted, the name is taken, or the endpoint or the environment is not allowed any more.
    """
    revision = find_revision(principal, find_deployment(principal, id_or_name), number)
    content = json.loads(revision.content)
    with unique_name(principal, Deployment, content["name"]):
        targets = targets_again(principal, content["targets"])
        deployment = find_deployment(principal, str(revision.deployment_id), lock=True)
        require_etag(deployment, etags)
        if content["owner"] != deployment.owner:
            require_owner(principal, deployment.owner)
        if deployment.status == DeploymentStatus.RETIRED:
            raise Conflict("The deployment is retired, which is final.")
        _require_still_allowed(content)
        if content["name"] != deployment.name:
            require_name(principal, Deployment, content["name"])
        before = content_of(deployment, list(deployment.targets.all()))
        for name in RESTORED:
            setattr(deployment, name, content[name])
        why = message or f"Rolled back to revision {number}."
        seal(Change(principal.actor, Action.ROLLBACK, why), deployment, before, targets)
        return deployment


def require_allowed_status(was: str, becomes: str, targets: Sequence[DeploymentTarget]) -> None:
    """Raises Conflict for a status that does not follow, and where what it pins is deleted."""
    if becomes != was and becomes not in MOVES[was]:
        allowed = ", ".join(sorted(MOVES[was])) or "none"
        raise Conflict(f"A deployment that is {was} cannot become {becomes}; allowed: {allowed}.")
    if was == DeploymentStatus.FAILED and becomes == DeploymentStatus.PENDING:
        require_existing_versions(targets)


def _require_not_retired(before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    fixed = [name for name in after if name not in OF_RETIRED and after[name] != before[name]]
    if before["status"] == DeploymentStatus.RETIRED and fixed:
        raise Conflict(f"The deployment is retired, and this is fixed: {', '.join(fixed)}.")


def _require_still_allowed(content: Mapping[str, Any]) -> None:
    try:
        validate_endpoint(content["endpoint"])
    except ValidationError:
        raise Conflict("The endpoint of that revision is not allowed any more.") from None
    if content["environment"] not in settings.DEPLOYMENT_ENVIRONMENTS:
        raise Conflict(f"There is no environment {content['environment']!r} any more.")
