"""The deployments that need a model or a context: they pin its versions, or follow a model's aliases.

All functions run under the lock of the model's or context's row, which is taken first; then the deployments are locked
by ascending id. A transaction that adds a target to a deployment holds that row as well, so none is missed.
"""

from collections.abc import Callable, Iterable, Sequence
from uuid import UUID

import structlog
from django.db.models import Exists, OuterRef, Q, QuerySet

from keys.principal import Principal
from mcp_project.audit.actions import Action
from mcp_project.database.statements import update
from mcp_project.errors import Conflict
from registry.models import (
    Context,
    Deployment,
    DeploymentStatus,
    DeploymentTarget,
    ModelVersion,
    Named,
    RegisteredModel,
    Status,
)
from registry.queries import may_see_targets
from registry.services.revisions import Altered, Change, content_of, seal_all

MAX_NAMED = 10
ALTERED_AT_ONCE = 100
MOVED_AT_ONCE = 500  # followers of an alias, in one transaction: 0.3 s


def follow(actor: str, model: RegisteredModel, alias: str, before: int | None, after: int | None) -> None:
    """Give every follower of the alias a revision with the version that it names now; where they are too many for one
    transaction, leave that to `follow_in_steps`. A deployment that is retired stays as it was; one whose alias is gone
    was failed before, and stays, too."""
    version = _version(model, after)
    behind = [] if version is None else _behind(model, alias, version.number, MOVED_AT_ONCE + 1)
    moving = {name: mover for name, mover in model.moving.items() if name != alias}
    if len(behind) > MOVED_AT_ONCE:
        request_id = structlog.contextvars.get_contextvars().get("request_id", "")
        moving[alias] = {"actor": actor, "request_id": request_id}
    elif version is not None and behind:
        message = f"The alias {alias} of {model.name} moved from {_shown(before)} to {_shown(after)}."
        _move(Change(actor, Action.FOLLOW_ALIAS, message), model, alias, version, behind)
    if moving != model.moving:
        model.moving = moving
        update(model, "moving")


def follow_in_steps(model: RegisteredModel, alias: str) -> None:
    """Move some followers of an alias of a held model that are behind. After the last, the alias is not moving."""
    mover = model.moving[alias]
    version = _version(model, model.aliases.get(alias))
    behind = [] if version is None else _behind(model, alias, version.number, MOVED_AT_ONCE)
    if version is not None and behind:
        message = f"The alias {alias} of {model.name} moved to version {version.number}."
        with structlog.contextvars.bound_contextvars(request_id=mover["request_id"]):
            _move(Change(mover["actor"], Action.FOLLOW_ALIAS, message), model, alias, version, behind)
    if len(behind) < MOVED_AT_ONCE:
        model.moving = {name: other for name, other in model.moving.items() if name != alias}
        model.edition += 1
        update(model, "moving", "edition")


def _version(model: RegisteredModel, number: int | None) -> ModelVersion | None:
    return None if number is None else model.versions.filter(number=number).only("number", "digest").first()


def _behind(model: RegisteredModel, alias: str, number: int, most: int) -> list[UUID]:
    """Ids of followers of the alias that have another version, in the order in which they are held."""
    targets = DeploymentTarget.objects.filter(model_id=model.pk, alias=alias).exclude(number=number)
    targets = targets.exclude(deployment__status=DeploymentStatus.RETIRED)
    return list(targets.order_by("deployment").values_list("deployment", flat=True).distinct()[:most])


def _move(change: Change, model: RegisteredModel, alias: str, version: ModelVersion, behind: Sequence[UUID]) -> None:
    def alter(_deployment: Deployment, targets: list[DeploymentTarget]) -> None:
        for target in targets:
            if (target.model_id, target.alias) == (model.pk, alias):
                target.number, target.digest = version.number, version.digest

    held = _held(model, DeploymentTarget.objects.filter(deployment__in=behind), alias=alias)
    _alter(change, [pk for pk, status in held if status != DeploymentStatus.RETIRED], alter)


def rename(actor: str, resource: Named) -> None:
    """A deployment shows the names of what it pins: give each that has this one a revision with the new name. Its
    message leaves out the old one, which a key that sees the new one may not be allowed to see."""
    message = f"A {_kind(resource)} that it pins is now named {resource.name}."

    def alter(_deployment: Deployment, targets: list[DeploymentTarget]) -> None:
        for target in targets:
            if target.model_id == resource.pk:
                target.model_name = resource.name
            if target.context_id == resource.pk:
                target.context_name = resource.name

    users = [pk for pk, _ in _held(resource)]
    action = Action.RENAME_MODEL if isinstance(resource, RegisteredModel) else Action.RENAME_CONTEXT
    _alter(Change(actor, action, message[:1_000]), users, alter)


def require_followable(principal: Principal, model: RegisteredModel, alias: str, number: int | None) -> None:
    """Raises Conflict, naming the followers, for a move that they cannot follow: to nothing, or to a version
    that is not ready."""
    if number is not None and model.versions.filter(number=number, status=Status.READY).exists():
        return
    followers = [found for found in _deployments(model, alias=alias) if found.status != DeploymentStatus.RETIRED]
    if followers:
        why = (
            "is followed" if number is None else f"cannot move to version {number}, which is not ready: it is followed"
        )
        raise Conflict(f"The alias {alias!r} {why} by {_names(principal, followers)}.")


def require_unused(principal: Principal, resource: Named, number: int | None = None) -> None:
    """Raises Conflict, naming the deployments, while some need the version, or any of the resource."""
    users = [found for found in _deployments(resource, number=number) if _needs(found, resource, number)]
    if users:
        whole = f"The {_kind(resource)} {resource.name!r}"
        thing = f"Version {number} of {resource.name!r}" if number is not None else whole
        raise Conflict(f"{thing} is used by {_names(principal, users)}. With ?force=true they fail.")


def prepare_deletion(principal: Principal, resource: Named, number: int | None, force: bool) -> None:
    """Before the version, or the whole, is deleted. Raises Conflict while it is needed, without `force`."""
    if force:
        fail_users(principal.actor, resource, number)
    else:
        require_unused(principal, resource, number)


def fail_users(actor: str, resource: Named, number: int | None = None) -> None:
    """Let the live deployments that pin the version, or any of the resource, fail: it is about to be deleted."""
    whole = f"the {_kind(resource)} {resource.name}"
    thing = f"version {number} of {whole}" if number is not None else whole

    def alter(deployment: Deployment, _targets: list[DeploymentTarget]) -> None:
        deployment.status = DeploymentStatus.FAILED

    users = [pk for pk, status in _held(resource, number=number) if status in Deployment.LIVE]
    _alter(Change(actor, Action.FAIL, f"Failed, because {thing} was deleted by force."), users, alter)


def live_users(resource: Named) -> QuerySet[Deployment]:
    """The deployments that `fail_users` would fail now."""
    targets = DeploymentTarget.objects.filter(**{f"{_kind(resource)}_id": resource.pk}, deployment=OuterRef("pk"))
    return Deployment.objects.filter(Exists(targets), status__in=Deployment.LIVE)


def _alter(change: Change, ids: Sequence[UUID], alter: Callable[[Deployment, list[DeploymentTarget]], None]) -> None:
    """Alter the held deployments with these ids, some at a time: one may have 200 KB."""
    for start in range(0, len(ids), ALTERED_AT_ONCE):
        chunk = Deployment.objects.filter(pk__in=ids[start : start + ALTERED_AT_ONCE]).prefetch_related("targets")
        altered = []
        for deployment in chunk:
            targets = list(deployment.targets.all())
            before = content_of(deployment, targets)
            alter(deployment, targets)
            altered.append(Altered(deployment, before, targets))
        seal_all(change, altered)


def _deployments(resource: Named, *, alias: str | None = None, number: int | None = None) -> list[Deployment]:
    """The deployments of `_held` with their targets, without the columns that may be large."""
    ids = [pk for pk, _ in _held(resource, alias=alias, number=number)]
    rows = Deployment.objects.filter(pk__in=ids).order_by("pk")
    return list(rows.defer("description", "tags", "metadata").prefetch_related("targets")) if ids else []


def _held(
    resource: Named,
    among: QuerySet[DeploymentTarget] | None = None,
    *,
    alias: str | None = None,
    number: int | None = None,
) -> list[tuple[UUID, str]]:
    """Ids and status of deployments that are held until the transaction ends. Those that were given other targets while
    they were waited for are left out. A version is needed also by those that follow an alias of it, and are behind."""
    rows = DeploymentTarget.objects.all() if among is None else among
    rows = rows.filter(**{f"{_kind(resource)}_id": resource.pk})
    if alias is not None:
        rows = rows.filter(alias=alias)
    if number is not None:
        named = resource.aliases_of(number) if isinstance(resource, RegisteredModel) else []
        rows = rows.filter(Q(number=number) | Q(alias__in=named))
    ids = list(rows.order_by("deployment").values_list("deployment", flat=True).distinct())
    if not ids:
        return []
    locked = Deployment.objects.filter(pk__in=ids).select_for_update().order_by("pk")
    held = list(locked.values_list("pk", "status"))
    still = set(rows.filter(deployment__in=ids).values_list("deployment", flat=True))
    return [(pk, status) for pk, status in held if pk in still]


def _kind(resource: Named) -> str:
    return "context" if isinstance(resource, Context) else "model"


def _needs(deployment: Deployment, resource: Named, number: int | None) -> bool:
    """Whether the deployment needs the version, or any version of the resource. A failed deployment needs the alias
    that it follows, because it can be repaired."""
    if deployment.status in Deployment.LIVE:
        return True
    follows = any(
        target.model_id == resource.pk
        and target.alias
        and number in (None, target.number, resource.aliases.get(target.alias))
        for target in deployment.targets.all()
    )
    return deployment.status != DeploymentStatus.RETIRED and follows


def _names(principal: Principal, deployments: Iterable[Deployment]) -> str:
    """The names of the deployments that the key may see, and the number of the others."""
    shown, hidden = [], 0
    for deployment in deployments:
        if may_see_targets(principal, deployment.targets.all()):
            shown.append(repr(deployment.name))
        else:
            hidden += 1
    others = len(shown) - MAX_NAMED
    named = [*shown[:MAX_NAMED], *([f"{others} more"] if others > 0 else [])]
    if hidden:
        named.append(f"{hidden} that the key may not see")
    return f"deployments: {', '.join(named)}"


def _shown(number: int | None) -> str:
    return "no version" if number is None else f"version {number}"
