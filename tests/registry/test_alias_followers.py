"""Deployments that follow an alias, or pin a version, while that is moved or deleted."""

from collections.abc import Callable
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from mcp_project.audit.models import AuditEntry
from registry.models import Deployment, DeploymentRevision, DeploymentTarget, ModelVersion, RegisteredModel
from registry.services import followers
from tests.support.api import Api, api
from tests.support.deployments import CHAMPION, FOLLOWING, body, change, deploy, make_model, many_followers, revisions
from tests.support.large_rows import peak_megabytes
from tests.support.server import Server, at_once


@pytest.fixture(autouse=True)
def _churn(request: pytest.FixtureRequest) -> None:
    if "shared_server" not in request.fixturenames:
        request.getfixturevalue("db")
        make_model("churn", 3, champion=2)


def test_move_of_an_alias_makes_a_revision_in_every_follower(owner: Api, admin: Api) -> None:
    deploy(owner, {**FOLLOWING, "weight": 90}, {"model": "churn", "version": 1, "weight": 10})
    deploy(owner, FOLLOWING, name="second")
    deploy(owner, name="no follower")
    etag = owner.get("/api/deployments/second")["ETag"]

    assert admin("PUT", CHAMPION, {"version": 3}).status_code == 200

    _, last = revisions(owner)
    assert [(t["version"], t["alias"]) for t in last["content"]["targets"]] == [(3, "champion"), (1, None)]
    assert last["content"]["targets"][0]["digest"] == f"sha256:{3:064x}"
    assert last["actor"] == f"key:{admin.row.pk}"
    assert last["message"] == "The alias champion of churn moved from version 2 to version 3."
    assert owner("PATCH", "/api/deployments/second", {"timeout": 1}, If_Match=etag).status_code == 412
    assert Deployment.objects.get(name="no follower").revision == 1
    assert owner("PUT", CHAMPION, {"version": 3}).status_code == 200
    assert len(revisions(owner)) == 2, "an alias that does not move makes none"


def test_rollback_of_an_alias_is_followed(owner: Api) -> None:
    deploy(owner, FOLLOWING)
    owner("PUT", CHAMPION, {"version": 3})

    assert owner.post(f"{CHAMPION}/rollback").status_code == 200

    assert [r["content"]["targets"][0]["version"] for r in revisions(owner)] == [2, 3, 2]


def test_retired_deployment_follows_no_more_and_hinders_nobody(owner: Api) -> None:
    deploy(owner, FOLLOWING)
    change(owner, "churn-live", status="retired")

    assert owner("PUT", CHAMPION, {"version": 3}).status_code == 200
    assert owner.delete(CHAMPION).status_code == 204
    assert owner.delete("/api/models/churn/versions/2").status_code == 204
    assert owner.delete("/api/models/churn").status_code == 204
    assert len(revisions(owner)) == 2
    assert owner.get("/api/deployments/churn-live").json()["targets"][0]["version"] == 2


@pytest.mark.parametrize("status", ["pending", "active", "draining", "failed"])
def test_alias_that_is_followed_is_not_removed(owner: Api, status: str) -> None:
    deploy(owner, FOLLOWING)
    Deployment.objects.update(status=status)

    for path in (CHAMPION, "/api/models/churn/versions/2", "/api/models/churn"):
        answer = owner.delete(path)
        assert (answer.status_code, "'churn-live'" in answer.json()["detail"]) == (409, True)
    assert owner.get(CHAMPION).json()["version"] == 2


def test_alias_that_is_followed_moves_to_ready_versions_only(owner: Api) -> None:
    deploy(owner, FOLLOWING)
    ModelVersion.objects.filter(number=3).update(status="failed")

    answer = owner("PUT", CHAMPION, {"version": 3})

    assert (answer.status_code, "'churn-live'" in answer.json()["detail"]) == (409, True)
    assert owner.get(CHAMPION).json()["version"] == 2
    assert len(revisions(owner)) == 1


@pytest.mark.parametrize("path", ["/api/models/churn/versions/1", "/api/models/churn"])
@pytest.mark.parametrize("status", ["pending", "active", "draining"])
def test_what_a_live_deployment_pins_is_deleted_by_force_only(owner: Api, path: str, status: str) -> None:
    made = deploy(owner)
    Deployment.objects.update(status=status)

    refused = owner.delete(path)
    assert (refused.status_code, "'churn-live'" in refused.json()["detail"]) == (409, True)
    assert owner.delete(f"{path}?force=perhaps").status_code == owner.delete(f"{path}?fource=true").status_code == 400
    assert RegisteredModel.objects.get().versions.count() == 3
    assert owner.delete(f"{path}?force=true").status_code == 204

    _, last = revisions(owner)
    assert last["content"]["status"] == "failed"
    assert last["message"].endswith("was deleted by force.")
    assert last["content"]["targets"] == made["targets"]
    assert change(owner, "churn-live", status="pending").status_code == 409


def test_failed_deployment_is_mended_with_other_targets(owner: Api) -> None:
    deploy(owner, FOLLOWING)
    assert owner.delete("/api/models/churn/versions/2?force=true").status_code == 204

    assert change(owner, "churn-live", status="pending").status_code == 409
    mended = change(owner, "churn-live", status="pending", targets=[{"model": "churn", "version": 3}])
    assert (mended.status_code, mended.json()["status"]) == (200, "pending")


def test_failed_deployment_that_only_pins_does_not_hinder(owner: Api) -> None:
    deploy(owner)
    change(owner, "churn-live", status="failed")

    assert owner.delete("/api/models/churn/versions/1").status_code == 204
    assert owner.delete("/api/models/churn").status_code == 204
    assert len(revisions(owner)) == 2


def test_renamed_model_makes_a_revision_with_its_name(owner: Api) -> None:
    deploy(owner)

    assert owner("PATCH", "/api/models/churn", {"name": "attrition"}, If_Match="*").status_code == 200

    _, last = revisions(owner)
    assert last["content"]["targets"][0]["model"] == "attrition"
    assert api("bound", "read", model_patterns=["attr*"]).get("/api/deployments/churn-live").status_code == 200
    assert api("bound", "read", model_patterns=["churn"]).get("/api/deployments/churn-live").status_code == 404


def test_refusal_does_not_name_what_a_key_may_not_see(owner: Api) -> None:
    make_model("secret")
    deploy(owner, {**FOLLOWING, "weight": 50}, {"model": "secret", "version": 1, "weight": 50}, name="hidden")
    deploy(owner, FOLLOWING)
    bound = api("owner", "read", "write", model_patterns=["churn"])

    for path in (CHAMPION, "/api/models/churn"):
        detail = bound.delete(path).json()["detail"]
        assert "'churn-live', 1 that the key may not see" in detail
        assert "hidden" not in detail
    assert bound("PUT", CHAMPION, {"version": 3}).status_code == 200
    assert Deployment.objects.get(name="hidden").revision == 2, "it follows all the same"


def test_move_that_fails_leaves_every_follower_as_it_was(owner: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b"):
        deploy(owner, FOLLOWING, name=name)
    real: Callable[..., Any] = DeploymentRevision.objects.bulk_create
    calls = []

    def fail_the_second_time(rows: Any) -> Any:
        calls.append(rows)
        if len(calls) == 2:
            raise RuntimeError
        return real(rows)

    monkeypatch.setattr(followers, "ALTERED_AT_ONCE", 1)
    monkeypatch.setattr(DeploymentRevision.objects, "bulk_create", fail_the_second_time)
    assert owner("PUT", CHAMPION, {"version": 3}).status_code == 500

    assert owner.get(CHAMPION).json()["version"] == 2
    assert {deployment.revision for deployment in Deployment.objects.all()} == {1}


def test_many_followers_move_in_few_statements_each_with_a_sealed_revision(
    owner: Api, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    many_followers(owner, 250)
    Deployment.objects.filter(name="follower 7").update(status="retired")

    with django_assert_max_num_queries(45):
        assert owner("PUT", CHAMPION, {"version": 3}).status_code == 200

    assert Deployment.objects.filter(edition=2).count() == 249
    assert DeploymentTarget.objects.filter(alias="champion", number=3).count() == 249
    for name in ("follower 0", "follower 249"):
        last = owner.get(f"/api/deployments/{name}/revisions/2/verify").json()
        assert last["intact"], last
        shown = owner.get(f"/api/deployments/{name}").json()
        assert (shown["digest"], shown["revision"]) == (last["recorded"], 2)
        assert [target["version"] for target in shown["targets"]] == [3, 1]
    entry = AuditEntry.objects.filter(action="follow_alias").last()
    assert entry is not None
    assert set(entry.changes) == {"targets", "revision"}
    with django_assert_max_num_queries(45):
        assert owner("PATCH", "/api/models/churn", {"name": "attrition"}, If_Match="*").status_code == 200
    assert owner.get("/api/deployments/follower 9/revisions/3/verify").json()["intact"]
    with django_assert_max_num_queries(55):
        assert owner.delete("/api/models/attrition?force=true").status_code == 204
    assert owner.get("/api/deployments/follower 9").json()["status"] == "failed"


def test_large_followers_move_within_little_memory(owner: Api) -> None:
    many_followers(owner, 300)
    Deployment.objects.update(description="d" * 60_000, metadata={"m": "m" * 60_000})

    assert peak_megabytes(lambda: owner("PUT", CHAMPION, {"version": 3})) < 120
    refused = owner.delete("/api/models/churn")
    assert (refused.status_code, len(refused.content) < 2_000) == (409, True)


def test_alias_that_moves_while_followers_are_made_is_where_all_of_them_end(shared_server: Server) -> None:
    with shared_server.client(shared_server.key) as client:
        client.post("/api/models", json={"name": "churn"})
        for _ in range(4):
            client.post("/api/models/churn/versions", json={"source": "s3://b/m"})
        client.put(CHAMPION, json={"version": 1})
        turns = iter(range(24))

        def act() -> int:
            turn = next(turns)
            with shared_server.client(shared_server.key) as own:
                if turn % 3 == 0:
                    return own.put(CHAMPION, json={"version": 1 + turn // 3 % 4}).status_code
                return own.post("/api/deployments", json=body(FOLLOWING, name=f"follower {turn}")).status_code

        assert set(at_once(24, act)) == {200, 201}

        number = client.get(CHAMPION).json()["version"]
        followers = client.get("/api/deployments").json()["results"]
        assert len(followers) == 16
        for follower in followers:
            assert [target["version"] for target in follower["targets"]] == [number]
            found = client.get(f"/api/deployments/{follower['id']}/revisions").json()["results"]
            assert [r["revision"] for r in found] == list(range(follower["revision"], 0, -1))


def test_version_that_is_deleted_while_deployments_of_it_are_made_is_pinned_by_none(shared_server: Server) -> None:
    with shared_server.client(shared_server.key) as client:
        client.post("/api/models", json={"name": "churn"})
        client.post("/api/models/churn/versions", json={"source": "s3://b/m"})
        turns = iter(range(12))

        def act() -> int:
            turn = next(turns)
            with shared_server.client(shared_server.key) as own:
                if turn % 4 == 3:
                    return own.delete("/api/models/churn/versions/1").status_code
                return own.post("/api/deployments", json=body(name=f"d {turn}")).status_code

        answers = set(at_once(12, act))

        made = client.get("/api/deployments").json()["results"]
        gone = client.get("/api/models/churn/versions/1").status_code == 404
        assert (bool(made), gone) in {(True, False), (False, True)}
        assert answers <= ({201, 409} if made else {204, 400, 404})
