"""Deletions take as little memory as if there were nothing to delete: the database does them."""

import pytest
from django.test import Client

from registry.models import Context, ContextVersion, DeploymentRevision, ModelVersion, Parent, RegisteredModel
from registry.services import named
from tests.support.api import Api
from tests.support.deployments import deploy, make_model
from tests.support.large_rows import large_versions, peak_megabytes

VERSIONS = 200  # 60 MB of them
LITTLE = 8  # MB


def test_model_is_deleted_without_its_versions_being_read(owner: Api) -> None:
    large_versions("churn", VERSIONS)

    assert peak_megabytes(lambda: owner.delete("/api/models/churn")) < LITTLE

    assert not RegisteredModel.objects.exists()
    assert not ModelVersion.objects.exists()


def test_versions_are_deleted_in_parts(owner: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(named, "DELETED_AT_ONCE", 3)
    make_model("churn", 7, champion=2)

    assert owner.delete("/api/models/churn").status_code == 204

    assert not ModelVersion.objects.exists()


def test_deleted_model_leaves_its_children_with_its_name_and_a_new_edition(owner: Api) -> None:
    make_model("base", 2)
    make_model("child", 1)
    ModelVersion.objects.filter(model__name="child").update(status="pending")
    parents = [{"uri": "models:/base/1"}, {"uri": "models:/base/2"}]
    owner("PATCH", "/api/models/child/versions/1", {"parents": parents}, If_Match="*")
    etag = owner.get("/api/models/child/versions/1")["ETag"]

    assert owner.delete("/api/models/base").status_code == 204

    shown = owner.get("/api/models/child/versions/1")
    assert shown["ETag"] != etag
    assert [parent["uri"] for parent in shown.json()["parents"]] == ["models:/base/1", "models:/base/2"]
    assert set(Parent.objects.values_list("parent", flat=True)) == {None}


def test_version_is_deleted_and_renamed_without_reading_the_others(owner: Api) -> None:
    large_versions("churn", VERSIONS)

    assert peak_megabytes(lambda: owner.delete("/api/models/churn/versions/7")) < LITTLE
    assert peak_megabytes(lambda: owner("PATCH", "/api/models/churn", {"name": "n"}, If_Match="*")) < LITTLE
    assert owner.get("/api/models/n").json()["latest_version"] == VERSIONS


def test_versions_are_archived_without_being_read(owner: Api) -> None:
    large_versions("churn", VERSIONS)
    ModelVersion.objects.update(stage="Production")
    body = {"stage": "Production", "archive_existing": True}

    assert peak_megabytes(lambda: owner.post("/api/models/churn/versions/1/stage", body)) < LITTLE

    assert ModelVersion.objects.filter(stage="Archived").count() == VERSIONS - 1


def test_context_is_deleted_without_its_versions_being_read(owner: Api) -> None:
    context = Context.objects.create(name="c", owner="owner", last_number=VERSIONS, latest_version=VERSIONS)
    messages = [{"role": "user", "template": "x" * 250_000}]
    ContextVersion.objects.bulk_create(
        [
            ContextVersion(context=context, number=number, messages=messages, digest="", created_by="")
            for number in range(1, VERSIONS + 1)
        ],
        batch_size=10,
    )

    assert peak_megabytes(lambda: owner.delete("/api/contexts/c")) < LITTLE

    assert not ContextVersion.objects.exists()


def test_deployment_is_deleted_with_its_targets_and_revisions_unread(owner: Api) -> None:
    make_model("churn", 1)
    deploy(owner, name="d")
    for number in range(5):
        owner("PATCH", "/api/deployments/d", {"metadata": {"m": "x" * 60_000, "n": number}}, If_Match="*")

    assert peak_megabytes(lambda: owner.delete("/api/deployments/d")) < LITTLE

    assert not DeploymentRevision.objects.exists()


def test_model_is_deleted_in_the_admin_without_its_versions_being_read(staff: Client) -> None:
    model = large_versions("churn", VERSIONS)
    page = f"/admin/registry/registeredmodel/{model.pk}/delete/"

    assert peak_megabytes(lambda: staff.get(page)) < LITTLE
    assert peak_megabytes(lambda: staff.post(page, {"post": "yes"})) < LITTLE

    assert not ModelVersion.objects.exists()


def test_lineage_and_parents_are_shown_without_the_versions_content(owner: Api) -> None:
    large_versions("base", 100)
    parents = [{"uri": f"models:/base/{number}"} for number in range(1, 101)]
    make_model("child", 0)
    owner.post("/api/models/child/versions", {"source": "s3://b/m", "parents": parents})

    for path in ("/api/models/child/versions/1", "/api/models/child/lineage", "/api/models/base/card"):
        assert peak_megabytes(lambda path=path: owner.get(path)) < LITTLE, path  # type: ignore[misc]
    assert len(owner.get("/api/models/child/lineage").json()["edges"]) == 100
