"""The revisions of a deployment: what it pins at each change, sealed by a digest."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from django.utils import timezone

from keys import audit
from registry.canonical import canonical, digest
from registry.models import Deployment, DeploymentRevision, DeploymentTarget

FIELDS = (
    "name", "description", "owner", "environment", "endpoint", "protocol", "timeout", "status", "tags", "metadata",
)  # fmt: skip


class Change(NamedTuple):
    """Who changes a deployment, what he does (for the audit trail), and why."""

    actor: str
    action: str
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
    """Write a deployment that is new (`before` is None) or held, with a revision and an audit entry, in the caller's
    transaction. `before` is what `content_of` gave before the change; the targets are all that there are from now on,
    stored ones or new ones."""
    after = content_of(deployment, targets)
    deployment.digest = digest(after)
    # By their canonical JSON: for Python, 1 and true are equal.
    changed = [name for name in after if before is None or canonical(before[name]) != canonical(after[name])]
    if before is None:
        deployment.save(force_insert=True)
    else:
        deployment.edition += 1
        deployment.updated_at = timezone.now()
        names = [name for name in changed if name != "targets"]
        deployment.save(update_fields=[*names, "digest", "edition", "updated_at"])
    if "targets" in changed:
        _write_targets(deployment, targets)
    DeploymentRevision.objects.create(
        deployment=deployment,
        number=deployment.revision,
        at=timezone.now(),
        actor=change.actor,
        message=change.message,
        content=canonical(after).decode(),
        digest=deployment.digest,
    )
    told: dict[str, Any] = {name: (before and before[name], after[name]) for name in changed}
    told["revision"] = (None if before is None else deployment.revision - 1, deployment.revision)
    audit.record(change.actor, change.action, deployment, told)


def is_changed(before: dict[str, Any], deployment: Deployment, targets: Sequence[DeploymentTarget]) -> bool:
    return canonical(before) != canonical(content_of(deployment, targets))


def verify(revision: DeploymentRevision) -> dict[str, Any]:
    """Whether the content is still the one that was sealed."""
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
    # What was read before is not true any more.
    deployment._prefetched_objects_cache = {}  # type: ignore[attr-defined]
