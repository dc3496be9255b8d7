"""The revisions of a deployment: what it pins at each change, sealed by a digest."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from django.db import connection
from django.utils import timezone

from mcp_project.audit import trail
from mcp_project.audit.actions import Action
from mcp_project.audit.models import AuditEntry
from mcp_project.patches.django import set_related
from registry.canonical import canonical, digest, digest_of
from registry.models import Deployment, DeploymentRevision, DeploymentTarget
from registry.services.names import create, require_free

FIELDS = (
    "name", "description", "owner", "environment", "endpoint", "protocol", "timeout", "status", "tags", "metadata",
)  # fmt: skip


WRITE_DEPLOYMENTS = """
UPDATE registry_deployment AS deployment
SET status = new.status, digest = new.digest, edition = edition + 1, updated_at = %s
FROM unnest(%s::uuid[], %s::text[], %s::text[]) AS new (id, status, digest) WHERE deployment.id = new.id
"""
WRITE_TARGETS = """
UPDATE registry_deploymenttarget AS target
SET number = new.number, digest = new.digest, model_name = new.model_name, context_name = new.context_name
FROM unnest(%s::bigint[], %s::integer[], %s::text[], %s::text[], %s::text[])
    AS new (id, number, digest, model_name, context_name)
WHERE target.id = new.id
    AND (target.number, target.digest, target.model_name, target.context_name)
    <> (new.number, new.digest, new.model_name, new.context_name)
"""


class Change(NamedTuple):
    """The actor, the action (for the audit trail) and the reason of a change to a deployment."""

    actor: str
    action: Action
    message: str = ""


def content_of(deployment: Deployment, targets: Sequence[DeploymentTarget]) -> dict[str, Any]:
    """All that a revision pins."""
    return {
        **{name: getattr(deployment, name) for name in FIELDS},
        "targets": [
            {
                "model": target.model_name,
                "model_id": str(target.model_id),
                "version": target.number,
                "alias": target.alias or None,
                "digest": target.digest,
                "context_version": target.context_version,
                "weight": target.weight,
            }
            for target in targets
        ],
    }


def seal(
    change: Change, deployment: Deployment, before: dict[str, Any] | None, targets: Sequence[DeploymentTarget]
) -> None:
    """Write a deployment, with a revision and an audit entry, in the caller's transaction. The deployment is new
    (`before` is None) or locked.

    `before` is the result of `content_of` before the change. `targets` are all targets of the deployment from now on,
    stored or new.
    """
    after = content_of(deployment, targets)
    deployment.digest = digest(after)
    # By their canonical JSON: for Python, 1 and true are equal.
    changed = [name for name in after if before is None or canonical(before[name]) != canonical(after[name])]
    if before is None:
        create(deployment)
    else:
        if "name" in changed:
            require_free(Deployment.objects, deployment.name)
        deployment.save_changes(*(name for name in changed if name != "targets"), "digest")
    if "targets" in changed:
        _write_targets(deployment, targets)
    _revision(change, deployment, after).save(force_insert=True)
    _audit_entry(change, deployment, before, after, changed).save(force_insert=True)


class Altered(NamedTuple):
    """A held deployment whose status or targets were altered, in place, by a change of what it pins."""

    deployment: Deployment
    before: dict[str, Any]
    targets: Sequence[DeploymentTarget]


def seal_all(change: Change, altered: Sequence[Altered]) -> None:
    """Seal many changes, like `seal`, in as many statements for a hundred as for one."""
    revisions, entries, now = [], [], timezone.now()
    for deployment, before, targets in altered:
        after = content_of(deployment, targets)
        content = canonical(after)
        deployment.digest = digest_of(content)
        deployment.edition += 1
        changed = [name for name in ("status", "targets") if before[name] != after[name]]
        revisions.append(_revision(change, deployment, after, content))
        entries.append(_audit_entry(change, deployment, before, after, changed))
    deployments = [one.deployment for one in altered]
    targets = [target for one in altered for target in one.targets]
    with connection.cursor() as cursor:
        columns = zip(*((one.pk, one.status, one.digest) for one in deployments), strict=True)
        cursor.execute(WRITE_DEPLOYMENTS, [now, *map(list, columns)])
        columns = zip(*((t.pk, t.number, t.digest, t.model_name, t.context_name) for t in targets), strict=True)
        cursor.execute(WRITE_TARGETS, [*map(list, columns)])
    DeploymentRevision.objects.bulk_create(revisions)
    AuditEntry.objects.bulk_create(entries)


def _revision(
    change: Change, deployment: Deployment, after: dict[str, Any], content: bytes | None = None
) -> DeploymentRevision:
    return DeploymentRevision(
        deployment=deployment,
        number=deployment.revision,
        at=timezone.now(),
        actor=change.actor,
        message=change.message,
        content=(content or canonical(after)).decode(),
        digest=deployment.digest,
    )


def _audit_entry(
    change: Change,
    deployment: Deployment,
    before: dict[str, Any] | None,
    after: dict[str, Any],
    changed: Sequence[str],
) -> AuditEntry:
    audited: dict[str, Any] = {name: (before and before[name], after[name]) for name in changed}
    audited["revision"] = (None if before is None else deployment.revision - 1, deployment.revision)
    return trail.entry(change.actor, change.action, deployment, audited)


def is_changed(before: dict[str, Any], deployment: Deployment, targets: Sequence[DeploymentTarget]) -> bool:
    return canonical(before) != canonical(content_of(deployment, targets))


def verify(revision: DeploymentRevision) -> dict[str, Any]:
    """Whether the content is still the one that was sealed, with both digests."""
    computed = digest(json.loads(revision.content))
    return {
        "revision": revision.number,
        "intact": computed == revision.digest,
        "recorded": revision.digest,
        "computed": computed,
    }


def _write_targets(deployment: Deployment, targets: Sequence[DeploymentTarget]) -> None:
    deployment.targets.all().delete()
    for target in targets:
        target.pk = None
        target.deployment = deployment
    DeploymentTarget.objects.bulk_create(targets)
    set_related(deployment)  # forget the targets that were read before
