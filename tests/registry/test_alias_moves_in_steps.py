"""Aliases that have more followers than one transaction moves: they come after, in steps."""

import pytest
from django.conf import settings as configured
from django.db import connection

from mcp_project.audit.models import AuditEntry
from registry.models import Deployment, DeploymentTarget, RegisteredModel
from registry.services import followers
from registry.services.moves import mover, pending, step
from tests.support.api import Api
from tests.support.deployments import CHAMPION, FOLLOWING, deploy, make_model, many_followers

FOLLOWERS = 5


@pytest.fixture(autouse=True)
def _churn(db: None, owner: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    make_model("churn", 3, champion=2)
    many_followers(owner, FOLLOWERS)
    monkeypatch.setattr(followers, "MOVED_AT_ONCE", 2)


def numbers() -> list[int]:
    targets = DeploymentTarget.objects.filter(alias="champion")
    return sorted(targets.values_list("number", flat=True))


def test_alias_moves_at_once_and_its_followers_come_after_in_steps(owner: Api, teammate: Api) -> None:
    answer = owner("PUT", CHAMPION, {"version": 3}, X_Request_ID="the-move")
    etag = owner.get(CHAMPION)["ETag"]

    assert answer.json() == {"alias": "champion", "version": 3, "moving": True}
    assert teammate.get(CHAMPION).json()["moving"]
    assert numbers() == [2] * FOLLOWERS
    (model_id,) = pending()
    assert [step(model_id) for _ in range(3)] == [True, True, False]
    assert numbers() == [3] * FOLLOWERS
    assert owner.get(CHAMPION).json() == {"alias": "champion", "version": 3, "moving": False}
    assert owner.get(CHAMPION)["ETag"] != etag
    assert set(Deployment.objects.values_list("edition", flat=True)) == {2}
    assert owner.get("/api/deployments/follower 4/revisions/2/verify").json()["intact"]
    entries = AuditEntry.objects.filter(action="follow_alias")
    assert set(entries.values_list("actor", "request_id")) == {(f"key:{owner.row.pk}", "the-move")}
    assert entries.count() == FOLLOWERS
    assert pending() == []


def test_followers_end_at_the_last_move_and_new_ones_begin_there(owner: Api) -> None:
    owner("PUT", CHAMPION, {"version": 3})
    step(pending()[0])
    owner("PUT", CHAMPION, {"version": 1})
    made = deploy(owner, FOLLOWING, name="new")

    assert made["targets"][0]["version"] == 1
    mover.act(last=False)
    assert numbers() == [1] * (FOLLOWERS + 1)
    assert Deployment.objects.get(name="new").revision == 1


def test_move_back_leaves_followers_that_had_not_come_as_they_were(owner: Api) -> None:
    owner("PUT", CHAMPION, {"version": 3})
    step(pending()[0])

    assert owner.post(f"{CHAMPION}/rollback").json() == {"alias": "champion", "version": 2, "moving": False}
    assert numbers() == [2] * FOLLOWERS
    assert sorted(Deployment.objects.values_list("edition", flat=True)) == [1, 1, 1, 3, 3]


def test_version_that_followers_are_on_their_way_to_is_needed(owner: Api) -> None:
    owner("PUT", CHAMPION, {"version": 3})

    refused = owner.delete("/api/models/churn/versions/3")
    assert (refused.status_code, "follower" in refused.json()["detail"]) == (409, True)
    assert owner.delete("/api/models/churn/versions/3?force=true").status_code == 204
    assert set(Deployment.objects.values_list("status", flat=True)) == {"failed"}
    assert pending() == []


def test_retired_follower_is_not_waited_for(owner: Api) -> None:
    owner("PUT", CHAMPION, {"version": 3})
    Deployment.objects.filter(name="follower 4").update(status="retired")

    mover.act(last=False)

    assert numbers() == [2, 3, 3, 3, 3]
    assert not owner.get(CHAMPION).json()["moving"]


def test_each_worker_looks_for_moves_by_an_index() -> None:
    assert "registry.services.moves.mover" in configured.BACKGROUND_TASKS
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    assert "registry_model_moving" in RegisteredModel.objects.order_by().exclude(moving={}).explain()
