"""Checks of a whole row, beyond those of its fields: above all, of its seal. Each raises ValidationError."""

import json
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError

from mcp_project.http.errors import field_errors
from registry.canonical import canonical, digest
from registry.models import ContextVersion, Deployment, DeploymentTarget
from registry.rest.serializers.context_versions import ContextVersionSerializer
from registry.services.revisions import FIELDS, content_of
from registry.transfer.values import Row

AUDITED = ("registeredmodel", "context", "deployment")  # the audit trail has entries of keys, too
OF_A_REVISION = {*FIELDS, "targets"}
OF_ITS_TARGETS = {"model", "model_id", "version", "alias", "digest", "context_version", "weight"}


def check_aliases(row: Row) -> None:
    for number in row["aliases"].values():
        if type(number) is not int or not 1 <= number <= row["last_number"]:
            raise ValidationError("aliases: each names the number of a version")


def check_context_version(row: Row) -> None:
    """Check the content by the API's own rules, because rendering does not check it again."""
    content = {name: row[name] for name in ContextVersion.CONTENT}
    _check_digest(row["digest"], content)
    serializer = ContextVersionSerializer(data=content)
    if not serializer.is_valid():
        wrong = next(field_errors(serializer.errors))
        raise ValidationError(f"{wrong.field}: {wrong.detail}")


def check_deployment(row: Row) -> None:
    """Check the digest of a deployment, which is that of its latest revision and covers its targets."""
    fields = {name: value for name, value in row.items() if name != "pinned_targets"}
    targets = [DeploymentTarget(**target) for target in row["pinned_targets"]]
    _check_digest(row["digest"], content_of(Deployment(**fields), targets))


def check_revision(row: Row) -> None:
    try:
        content = json.loads(row["content"])
        is_canonical = canonical(content) == row["content"].encode()
    except (ValueError, RecursionError):
        is_canonical = False
    if not is_canonical:
        raise ValidationError("content: it is not canonical JSON")
    _check_digest(row["digest"], content)
    if not isinstance(content, dict) or content.keys() != OF_A_REVISION or not _are_targets(content["targets"]):
        raise ValidationError("content: it is not that of a deployment")


def check_audit_entry(row: Row) -> None:
    """Refuse entries of keys, which no import writes."""
    if row["object_type"] not in AUDITED:
        raise ValidationError(f"object_type: one of {', '.join(AUDITED)} is wanted")


def _check_digest(recorded: str, content: Any) -> None:
    computed = digest(content)
    if computed != recorded:
        raise ValidationError(f"the seal is broken: the digest is {recorded}, and that of the content {computed}")


def _are_targets(targets: Any) -> bool:
    try:
        return all(target.keys() == OF_ITS_TARGETS and UUID(target["model_id"]) for target in targets)
    except (TypeError, ValueError, AttributeError):
        return False
