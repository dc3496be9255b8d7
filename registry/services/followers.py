"""The deployments that need a model: that pin its versions, or follow its aliases.

All of it happens under the lock of the model's row, which is taken first; then the deployments are locked, in the
order of their ids. Whoever gives a deployment a target holds the model's row, too, so none is missed.
"""

from collections.abc import Iterable

from keys.principal import Principal
from mcp_project.errors import ApiError
from registry.models import Deployment, DeploymentStatus, DeploymentTarget, ModelVersion, RegisteredModel, Status
from registry.services.revisions import Change, content_of, seal

MAX_NAMED = 10


def follow(actor: str, model: RegisteredModel, alias: str, before: int | None, after: int | None) -> None:
    """Give every follower of the alias a revision with the version that it names now. A deployment that is retired
    stays as it was; one whose alias is gone was failed before, and stays, too."""
    version = None if after is None else ModelVersion.objects.filter(model=model, number=after).first()
    if version is None:
        return
    message = f"The alias {alias} of {model.name} moved from {_shown(before)} to {_shown(after)}."
    for deployment in _deployments(model, alias=alias):
        if deployment.status == DeploymentStatus.RETIRED:
            continue
        targets = list(deployment.targets.all())
        was = content_of(deployment, targets)
        for target in targets:
            if (target.model_id, target.alias) == (model.pk, alias):
                target.number, target.digest = version.number, version.digest
        seal(Change(actor, "follow_alias", message), deployment, was, targets)


def rename(actor: str, model: RegisteredModel, before: str) -> None:
    """A deployment shows the names of its models: give each that has this one a revision with the new name."""
    message = f"The model {before} is now named {model.name}."
    for deployment in _deployments(model):
        targets = list(deployment.targets.all())
        was = content_of(deployment, targets)
        for target in targets:
            if target.model_id == model.pk:
                target.model_name = model.name
        seal(Change(actor, "rename_model", message[:1_000]), deployment, was, targets)


def refuse_move(principal: Principal, model: RegisteredModel, alias: str, number: int | None) -> None:
    """Raises ApiError CONFLICT, naming the followers, for a move that they cannot follow: to nothing, or to a version
    that is not ready."""
    if number is not None and model.versions.filter(number=number, status=Status.READY).exists():
        return
    followers = [found for found in _deployments(model, alias=alias) if found.status != DeploymentStatus.RETIRED]
    if followers:
        why = (
            "is followed" if number is None else f"cannot move to version {number}, which is not ready: it is followed"
        )
        raise ApiError("CONFLICT", f"The alias {alias!r} {why} by {_names(principal, followers)}.")


def refuse_use(principal: Principal, model: RegisteredModel, number: int | None = None) -> None:
    """Raises ApiError CONFLICT, naming the deployments, while some need the version, or any of the model."""
    users = [found for found in _deployments(model, number=number) if _needs(found, model, number)]
    if users:
        thing = f"Version {number} of {model.name!r}" if number is not None else f"The model {model.name!r}"
        raise ApiError("CONFLICT", f"{thing} is used by {_names(principal, users)}. With ?force=true they fail.")


def make_way(principal: Principal, model: RegisteredModel, number: int | None, force: bool) -> None:
    """Before the version, or the model, is deleted. Raises ApiError CONFLICT while it is needed, without `force`."""
    if force:
        fail_users(principal.actor, model, number)
    else:
        refuse_use(principal, model, number)


def fail_users(actor: str, model: RegisteredModel, number: int | None = None) -> None:
    """Let the live deployments that pin the version, or any of the model, fail: it is about to be deleted."""
    thing = f"version {number} of the model {model.name}" if number is not None else f"the model {model.name}"
    for deployment in _deployments(model, number=number):
        if deployment.status in Deployment.LIVE:
            targets = list(deployment.targets.all())
            was = content_of(deployment, targets)
            deployment.status = DeploymentStatus.FAILED
            message = f"Failed, because {thing} was deleted by force."
            seal(Change(actor, "fail", message), deployment, was, targets)


def _deployments(model: RegisteredModel, *, alias: str | None = None, number: int | None = None) -> list[Deployment]:
    """Held until the transaction ends. Those that were given other targets while they were waited for are left out."""
    rows = DeploymentTarget.objects.filter(model_id=model.pk)
    if alias is not None:
        rows = rows.filter(alias=alias)
    if number is not None:
        rows = rows.filter(number=number)
    ids = list(rows.order_by("deployment").values_list("deployment", flat=True).distinct())
    if not ids:
        return []
    held = list(Deployment.objects.filter(pk__in=ids).select_for_update().order_by("pk").prefetch_related("targets"))
    still = set(rows.filter(deployment__in=ids).values_list("deployment", flat=True))
    return [deployment for deployment in held if deployment.pk in still]


def _needs(deployment: Deployment, model: RegisteredModel, number: int | None) -> bool:
    """Also one that has failed needs an alias that it follows: it can be mended, and is to find it."""
    if deployment.status in Deployment.LIVE:
        return True
    targets = deployment.targets.filter(model_id=model.pk).exclude(alias="")
    if number is not None:
        targets = targets.filter(number=number)
    return deployment.status != DeploymentStatus.RETIRED and targets.exists()


def _names(principal: Principal, deployments: Iterable[Deployment]) -> str:
    """Only of those that the key may see."""
    shown, hidden = [], 0
    for deployment in deployments:
        if all(principal.may_see(target.model_name) for target in deployment.targets.all()):
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
