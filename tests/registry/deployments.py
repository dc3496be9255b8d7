"""What tests of deployments have in common."""

from typing import Any

from registry.models import ModelVersion, RegisteredModel
from tests.conftest import Api

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
