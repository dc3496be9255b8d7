"""Helpers of the tests of deployments."""

from typing import Any

from mcp_project.database.ids import uuid7
from registry.models import Deployment, DeploymentRevision, DeploymentTarget, ModelVersion, RegisteredModel
from tests.support.api import Api

CHAMPION = "/api/models/churn/aliases/champion"
FOLLOWING = {"model": "churn", "alias": "champion"}
DIGEST = "sha256:" + "ab" * 32


def make_model(name: str, versions: int = 1, **aliases: int) -> RegisteredModel:
    model = RegisteredModel.objects.create(
        name=name, owner="owner", aliases=aliases, last_number=versions, latest_version=versions or None
    )
    for number in range(1, versions + 1):
        digest = f"sha256:{number:064x}"
        ModelVersion.objects.create(model=model, number=number, source=f"s3://b/{name}/{number}", digest=digest)
    return model


def body(*targets: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {
        "name": "churn-live",
        "environment": "production",
        "endpoint": "https://models.example.com/churn",
        "targets": list(targets) or [{"model": "churn", "version": 1}],
        **fields,
    }


def deploy(api: Api, *targets: dict[str, Any], **fields: Any) -> dict[str, Any]:
    answer = api.post("/api/deployments", body(*targets, **fields))
    assert answer.status_code == 201, answer.content
    made: dict[str, Any] = answer.json()
    return made


def change(api: Api, ident: str, /, **changes: Any) -> Any:
    return api("PATCH", f"/api/deployments/{ident}", changes, If_Match="*")


def revisions(api: Api, name: str = "churn-live") -> list[dict[str, Any]]:
    """The oldest first, with their content."""
    count = len(api.get(f"/api/deployments/{name}/revisions").json()["results"])
    return [api.get(f"/api/deployments/{name}/revisions/{n}").json() for n in range(1, count + 1)]


def many_followers(owner: Api, count: int) -> None:
    """Copies of one."""
    deploy(owner, {**FOLLOWING, "weight": 60}, {"model": "churn", "version": 1, "weight": 40}, name="follower 0")
    first = Deployment.objects.prefetch_related("targets", "revisions").get()
    targets, revision = list(first.targets.all()), first.revisions.get()
    copies = [Deployment.objects.get(pk=first.pk) for _ in range(count - 1)]
    for number, copy in enumerate(copies, start=1):
        copy.pk, copy.name = uuid7(), f"follower {number}"
    Deployment.objects.bulk_create(copies)
    own = [(copy, target) for copy in copies for target in targets]
    DeploymentTarget.objects.bulk_create(
        [
            DeploymentTarget(
                deployment=copy, position=target.position, model_id=target.model_id, model_name=target.model_name,
                number=target.number, alias=target.alias, digest=target.digest, weight=target.weight,
            )
            for copy, target in own
        ]
    )  # fmt: skip
    DeploymentRevision.objects.bulk_create(
        [
            DeploymentRevision(deployment=copy, number=1, at=revision.at, content=revision.content, digest=copy.digest)
            for copy in copies
        ]
    )
