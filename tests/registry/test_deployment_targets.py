"""The targets of a deployment: which are accepted, and which keys see the deployment by them."""

from typing import Any

import pytest

from registry.models import Deployment, DeploymentTarget, ModelVersion
from tests.support.api import Api, api
from tests.support.deployments import body, change, deploy, make_model

ONE = {"model": "churn", "version": 1}


@pytest.fixture(autouse=True)
def _models(db: None) -> None:
    make_model("churn", 3, champion=2, raw=3)
    make_model("fraud", 1)
    ModelVersion.objects.filter(model__name="churn", number=3).update(status="pending")


def test_targets_are_kept_in_their_order_with_what_they_pin(owner: Api) -> None:
    made = deploy(
        owner,
        {"model": "fraud", "version": 1, "weight": 20},
        {"model": "churn", "alias": "champion", "weight": 79},
        {"model": "churn", "version": 2, "weight": 1, "context_version": None},
    )

    shown = [(t["model"], t["version"], t["alias"], t["weight"], t["context_version"]) for t in made["targets"]]
    assert shown == [
        ("fraud", 1, None, 20, None), ("churn", 2, "champion", 79, None), ("churn", 2, None, 1, None),
    ]  # fmt: skip
    assert made["targets"][1]["digest"] == f"sha256:{2:064x}"


@pytest.mark.parametrize(
    ("targets", "field"),
    [
        (None, "targets"),
        ([], "targets"),
        ({}, "targets"),
        ("churn", "targets"),
        ([None], "targets.0"),
        (["churn"], "targets.0"),
        ([{"version": 1}], "targets.0.model"),
        ([{"model": None, "version": 1}], "targets.0.model"),
        ([{"model": 7, "version": 1}], "targets.0.model"),
        ([{"model": "none", "version": 1}], "targets.0.model"),
        ([{"model": "x" * 256, "version": 1}], "targets.0.model"),
        ([{"model": "churn"}], "targets.0.version"),
        ([{"model": "churn", "alias": None}], "targets.0.version"),
        ([{"model": "churn", "version": 1, "alias": "champion"}], "targets.0.version"),
        ([{"model": "churn", "version": None}], "targets.0.version"),
        ([{"model": "churn", "version": 0}], "targets.0.version"),
        ([{"model": "churn", "version": -1}], "targets.0.version"),
        ([{"model": "churn", "version": "one"}], "targets.0.version"),
        ([{"model": "churn", "version": 2**31}], "targets.0.version"),
        ([{"model": "churn", "version": 4}], "targets.0.version"),
        ([{"model": "churn", "version": 3}], "targets.0.version"),
        ([{"model": "fraud", "version": 2}], "targets.0.version"),
        ([{"model": "churn", "alias": "raw"}], "targets.0.alias"),
        ([{"model": "churn", "alias": "none"}], "targets.0.alias"),
        ([{"model": "fraud", "alias": "champion"}], "targets.0.alias"),
        ([{"model": "churn", "alias": "latest"}], "targets.0.alias"),
        ([{"model": "churn", "alias": "v2"}], "targets.0.alias"),
        ([{"model": "churn", "alias": {}}], "targets.0.alias"),
        ([{**ONE, "weight": 0}], "targets.0.weight"),
        ([{**ONE, "weight": 101}], "targets.0.weight"),
        ([{**ONE, "weight": None}], "targets.0.weight"),
        ([{**ONE, "weight": 99.5}], "targets.0.weight"),
        ([{**ONE, "weight": 99}], "targets"),
        ([{**ONE, "weight": 50}, {"model": "churn", "version": 2, "weight": 51}], "targets"),
        ([{**ONE, "weight": 50}, {"model": "churn", "version": 2, "weight": 49}], "targets"),
        ([ONE, {"model": "churn", "version": 2}], "targets"),
        ([{**ONE, "weight": 50}] * 2, "targets.1.model"),
        ([{**ONE, "weight": 4}] * 25, "targets"),
        ([ONE] * 10_000, "targets"),
        ([{**ONE, "wieght": 1}], "targets.0.wieght"),
        ([{**ONE, "digest": "sha256:"}], "targets.0.digest"),
        ([{**ONE, "context_version": {"context": "support", "version": 1}}], "targets.0.context_version.context"),
        ([{**ONE, "context_version": {"context": "support"}}], "targets.0.context_version.version"),
        ([{**ONE, "context_version": "support"}], "targets.0.context_version"),
    ],
)
def test_bad_targets_get_400_that_names_the_field_and_change_nothing(owner: Api, targets: Any, field: str) -> None:
    made = deploy(owner, name="there")

    for answer in (owner.post("/api/deployments", body(targets=targets)), change(owner, "there", targets=targets)):
        assert answer.status_code == 400, answer.content
        assert {error["field"] for error in answer.json()["errors"]} == {field}
    assert owner.get("/api/deployments/there").json() == made
    assert (Deployment.objects.count(), DeploymentTarget.objects.count()) == (1, 1)


def test_twenty_targets_are_taken(owner: Api) -> None:
    make_model("many", 20)

    made = deploy(owner, *({"model": "many", "version": number, "weight": 5} for number in range(1, 21)))

    assert [target["version"] for target in made["targets"]] == list(range(1, 21))


def test_bound_key_sees_deployments_all_of_whose_models_it_may_see(owner: Api) -> None:
    both = [{"model": model, "version": 1, "weight": 50} for model in ("churn", "fraud")]
    deploy(owner, *both, name="of both")
    deploy(owner, {"model": "fraud", "version": 1}, name="of fraud")
    deploy(owner, name="of churn")
    bound = api("bound", "read", "write", "admin", model_patterns=["churn*"])

    assert [found["name"] for found in bound.get("/api/deployments").json()["results"]] == ["of churn"]
    assert bound.get("/api/deployments?model=fraud").json()["results"] == []
    for name in ("of both", "of fraud", "none"):
        path = f"/api/deployments/{name}"
        tried = [bound.get(path), bound("PATCH", path, {"timeout": 1}, If_Match="*"), bound.delete(path)]
        tried += [bound.get(f"{path}/revisions"), bound.post(f"{path}/rollback", {"revision": 1})]
        assert {answer.status_code for answer in tried} == {404}


def test_target_that_a_key_may_not_see_is_as_one_that_does_not_exist(owner: Api) -> None:
    bound = api("bound", "read", "write", model_patterns=["churn*"])

    hidden, absent = (
        bound.post("/api/deployments", body({"model": name, "version": 1})).json()["errors"]
        for name in ("fraud", "froud")
    )

    assert str(hidden).replace("fraud", "froud") == str(absent)


def test_revision_with_targets_that_a_key_may_not_see_is_hidden_from_it(owner: Api) -> None:
    deploy(owner, {"model": "fraud", "version": 1})
    change(owner, "churn-live", targets=[ONE])
    bound = api("bound", "read", "write", model_patterns=["churn*"])
    path = "/api/deployments/churn-live"

    assert [found["revision"] for found in bound.get(f"{path}/revisions").json()["results"]] == [2]
    assert bound.get(f"{path}/revisions/2").status_code == 200
    for rest in ("revisions/1", "revisions/1/verify", "diff", "diff?from=1&to=2"):
        assert bound.get(f"{path}/{rest}").status_code == 404
    assert bound.post(f"{path}/rollback", {"revision": 1}).status_code == 404
