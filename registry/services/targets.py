"""The targets of a deployment: versions of models, named by number or by an alias to follow, and of contexts."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db.models import Q

from keys.principal import Principal
from mcp_project.errors import Conflict, FieldError, Invalid, NotFound
from registry.models import Context, ContextVersion, DeploymentTarget, ModelVersion, RegisteredModel, Status
from registry.queries import find_context, find_context_version, find_model, visible_contexts, visible_models


def resolve_targets(principal: Principal, requested: Sequence[Mapping[str, Any]]) -> list[DeploymentTarget]:
    """Rows that are not stored yet, for targets with a `model` and a `version` or an `alias`.

    Their models and contexts are held until the caller's transaction ends, so that no move of an alias is missed, and
    nothing is deleted: to be called before the deployment's row is locked. Raises Invalid.
    """
    named = [_named(principal, position, target) for position, target in enumerate(requested)]
    models = lock_models(principal, {model.pk for model in named})
    targets = [
        _target(models.get(model.pk), position, target)
        for position, (model, target) in enumerate(zip(named, requested, strict=True))
    ]
    versions = versions_of(targets)
    for target, fields in zip(targets, requested, strict=True):
        version = versions.get((target.model_id, target.number))
        if version is None or version.status != Status.READY:
            state = "does not exist" if version is None else f"is {version.status}, not ready"
            field = "alias" if target.alias else "version"
            raise invalid_target(field, target.position, f"Version {target.number} of {target.model_name!r} {state}.")
        if fields.get("digest", version.digest) != version.digest:
            raise invalid_target("digest", target.position, f"That of version {target.number} is {version.digest!r}.")
        target.digest = version.digest
    _pin_contexts(principal, targets, requested)
    _require_distinct(targets)
    return targets


def targets_again(principal: Principal, content: Sequence[Mapping[str, Any]]) -> list[DeploymentTarget]:
    """Rows for the targets of an earlier revision: the versions that it pinned. An alias that names another version
    by now is not followed any more. Locks as `resolve_targets`; raises Conflict where one is deleted."""
    models = lock_models(principal, {UUID(pinned["model_id"]) for pinned in content})
    references = [pinned["context_version"] for pinned in content if pinned["context_version"] is not None]
    contexts = lock_contexts(principal, {UUID(reference["context_id"]) for reference in references})
    targets = []
    for position, pinned in enumerate(content):
        model = models.get(UUID(pinned["model_id"]))
        if model is None:
            raise Conflict(f"The model {pinned['model']!r}, which the revision pins, is deleted.")
        follows = pinned["alias"] is not None and model.aliases.get(pinned["alias"]) == pinned["version"]
        target = DeploymentTarget(
            position=position,
            model_id=model.pk,
            model_name=model.name,
            number=pinned["version"],
            alias=pinned["alias"] if follows else "",
            digest=pinned["digest"],
            weight=pinned["weight"],
        )
        if pinned["context_version"] is not None:
            target.pin_context(_context_again(contexts, pinned["context_version"]))
        targets.append(target)
    require_existing_versions(targets)
    return targets


def require_existing_versions(targets: Sequence[DeploymentTarget]) -> None:
    """Raises Conflict when a version that is pinned does not exist any more."""
    versions = versions_of(targets)
    contexts = Context.objects.in_bulk([target.context_id for target in targets if target.context_id is not None])
    for target in targets:
        if (target.model_id, target.number) not in versions:
            raise Conflict(f"Version {target.number} of {target.model_name!r}, which it pins, is deleted.")
        if target.context_id is not None and target.context_id not in contexts:
            raise Conflict(f"The context {target.context_name!r}, which it pins, is deleted.")


def versions_of(targets: Iterable[DeploymentTarget]) -> dict[tuple[UUID, int], ModelVersion]:
    pinned = Q(pk__in=[])
    for target in targets:
        pinned |= Q(model_id=target.model_id, number=target.number)
    versions = ModelVersion.objects.filter(pinned).only("model_id", "number", "status", "digest")
    return {(version.model_id, version.number): version for version in versions}


def lock_models(principal: Principal, ids: Collection[UUID]) -> dict[UUID, RegisteredModel]:
    """Lock the rows by ascending id, so that no two transactions wait for each other."""
    models = visible_models(principal).filter(pk__in=ids).select_for_update(of=("self",)).order_by("pk")
    return {model.pk: model for model in models}


def lock_contexts(principal: Principal, ids: Collection[UUID]) -> dict[UUID, Context]:
    """After the models, and in one order, too."""
    if not ids:
        return {}
    contexts = visible_contexts(principal).filter(pk__in=ids).select_for_update(of=("self",)).order_by("pk")
    return {context.pk: context for context in contexts}


def invalid_target(field: str, position: int, detail: str) -> Invalid:
    return Invalid(FieldError(f"targets.{position}.{field}", detail))


def _named(principal: Principal, position: int, target: Mapping[str, Any]) -> RegisteredModel:
    try:
        return find_model(principal, target["model"])
    except NotFound:
        raise invalid_target("model", position, f"There is no model {target['model'][:100]!r}.") from None


def _target(model: RegisteredModel | None, position: int, fields: Mapping[str, Any]) -> DeploymentTarget:
    """`model` is None when it was deleted a moment ago."""
    if model is None:
        raise invalid_target("model", position, f"There is no model {fields['model'][:100]!r}.")
    alias = fields.get("alias") or ""
    number: Any = model.aliases.get(alias) if alias else fields["version"]
    if number is None:
        raise invalid_target("alias", position, f"{model.name!r} has no alias {alias!r}.")
    if fields.get("version", number) != number:
        raise invalid_target(
            "version", position, f"The alias {alias!r} names version {number}: leave out one of the two."
        )
    return DeploymentTarget(
        position=position, model_id=model.pk, model_name=model.name, number=number, alias=alias, weight=fields["weight"]
    )


def _pin_contexts(
    principal: Principal, targets: Iterable[DeploymentTarget], requested: Iterable[Mapping[str, Any]]
) -> None:
    """Raises Invalid."""
    references = [(target, fields.get("context_version")) for target, fields in zip(targets, requested, strict=True)]
    pairs = [(target, reference) for target, reference in references if reference is not None]
    found = [_named_context(principal, target, reference) for target, reference in pairs]
    held = lock_contexts(principal, {context.pk for context in found})
    for (target, reference), context in zip(pairs, found, strict=True):
        if context.pk not in held:
            raise _no_context(target, reference)
        try:
            version = find_context_version(held[context.pk], reference["version"])
        except NotFound:
            detail = f"{context.name!r} has no version {reference['version']}."
            raise invalid_target("context_version.version", target.position, detail) from None
        if reference.get("digest", version.digest) != version.digest:
            detail = f"That of the version is {version.digest}."
            raise invalid_target("context_version.digest", target.position, detail)
        target.pin_context(version)


def _named_context(principal: Principal, target: DeploymentTarget, reference: Mapping[str, Any]) -> Context:
    try:
        return find_context(principal, reference["context"])
    except NotFound:
        raise _no_context(target, reference) from None


def _no_context(target: DeploymentTarget, reference: Mapping[str, Any]) -> Invalid:
    detail = f"There is no context {reference['context'][:100]!r}."
    return invalid_target("context_version.context", target.position, detail)


def _context_again(contexts: Mapping[UUID, Context], pinned: Mapping[str, Any]) -> ContextVersion:
    context = contexts.get(UUID(pinned["context_id"]))
    if context is None:
        raise Conflict(f"The context {pinned['context']!r}, which the revision pins, is deleted.")
    return find_context_version(context, pinned["version"])


def _require_distinct(targets: Iterable[DeploymentTarget]) -> None:
    seen = set()
    for target in targets:
        same = (target.model_id, target.alias or target.number, str(target.context_version))
        if same in seen:
            raise invalid_target("model", target.position, "It is the same as one before.")
        seen.add(same)
