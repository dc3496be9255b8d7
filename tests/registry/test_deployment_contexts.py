"""Deployments that pin versions of contexts."""

from collections.abc import Iterator
from typing import Any

import pytest

from keys.models import Permission
from registry.models import Context, Deployment
from tests.support.api import Api, api
from tests.support.deployments import body, change, deploy, make_model, revisions
from tests.support.resources import context, context_version
from tests.support.server import Server, at_once

SUPPORT = {"context": "support", "version": 1}
PINNED = {"model": "churn", "version": 1, "context_version": SUPPORT}


@pytest.fixture(autouse=True)
def _made(request: pytest.FixtureRequest) -> None:
    if "server" not in request.fixturenames:
        owner = request.getfixturevalue("owner")
        make_model("churn", 3, champion=2)
        context(owner)
        context_version(owner)


def last(owner: Api) -> dict[str, Any]:
    return revisions(owner)[-1]


def test_context_version_is_pinned_with_its_digest_by_name_or_id(owner: Api) -> None:
    id_or_name = str(Context.objects.get().pk)
    digest = owner.get("/api/contexts/support/versions/1").json()["digest"]
    shown = {"context": "support", "context_id": id_or_name, "version": 1, "digest": digest}

    by_name = deploy(owner, PINNED)
    by_id = deploy(owner, {**PINNED, "context_version": {"context": id_or_name, "version": 1}}, name="by id")

    assert by_name["targets"][0]["context_version"] == by_id["targets"][0]["context_version"] == shown
    assert last(owner)["content"]["targets"][0]["context_version"] == shown
    assert owner.get("/api/deployments/churn-live/revisions/1/verify").json()["intact"] is True


@pytest.mark.parametrize(
    ("reference", "field"),
    [({"context": "no", "version": 1}, "context"), ({"context": "support", "version": 2}, "version")],
)
def test_context_or_version_that_is_not_there_is_400_and_makes_nothing(
    owner: Api, reference: dict[str, Any], field: str
) -> None:
    answer = owner.post("/api/deployments", body({**PINNED, "context_version": reference}))

    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == [f"targets.0.context_version.{field}"]
    assert not Deployment.objects.exists()


def test_context_that_a_key_may_not_see_is_not_there_for_it(owner: Api) -> None:
    make_model("hidden")
    context(owner, "secret")
    context_version(owner, "secret", models=["hidden"])
    bound = api("owner", Permission.READ, Permission.WRITE, model_patterns=["churn"])
    reference = {"context": "secret", "version": 1}

    assert bound.post("/api/deployments", body({**PINNED, "context_version": reference})).status_code == 400
    assert bound.post("/api/deployments", body(PINNED)).status_code == 201


def test_deployment_with_a_context_that_a_key_may_not_see_is_not_there_for_it(owner: Api) -> None:
    make_model("hidden")
    context(owner, "secret")
    context_version(owner, "secret", models=["hidden"])
    deploy(owner, {**PINNED, "context_version": {"context": "secret", "version": 1}})
    bound = api("owner", Permission.READ, Permission.WRITE, model_patterns=["churn"])

    assert bound.get("/api/deployments").json()["results"] == []
    for path in ("", "/revisions", "/revisions/1", "/revisions/1/verify", "/diff"):
        assert bound.get(f"/api/deployments/churn-live{path}").status_code == 404
    assert bound.delete("/api/deployments/churn-live").status_code == 404
    refused = bound.delete("/api/models/churn")
    assert (refused.status_code, "churn-live" in refused.json()["detail"]) == (409, False)

    change(owner, "churn-live", targets=[PINNED])
    assert len(bound.get("/api/deployments").json()["results"]) == 1
    assert bound.get("/api/deployments/churn-live").status_code == 200
    assert [row["revision"] for row in bound.get("/api/deployments/churn-live/revisions").json()["results"]] == [2]
    assert bound.post("/api/deployments/churn-live/rollback", {"revision": 1}).status_code == 404


def test_changed_context_version_is_a_revision_and_a_difference(owner: Api) -> None:
    context_version(owner, parameters={"seed": 1})
    deploy(owner, PINNED)

    change(owner, "churn-live", targets=[{**PINNED, "context_version": {**SUPPORT, "version": 2}}])
    change(owner, "churn-live", targets=[{**PINNED, "context_version": None}])

    told = owner.get("/api/deployments/churn-live/diff?from=1&to=2").json()["differences"]
    assert {part["path"] for part in told} == {
        "/targets/0/context_version/version", "/targets/0/context_version/digest",
    }  # fmt: skip
    assert last(owner)["content"]["targets"][0]["context_version"] is None


def test_move_of_a_model_alias_keeps_the_context(owner: Api) -> None:
    deploy(owner, {"model": "churn", "alias": "champion", "context_version": SUPPORT})

    owner("PUT", "/api/models/churn/aliases/champion", {"version": 3})

    [target] = last(owner)["content"]["targets"]
    assert (target["version"], target["context_version"]["context"]) == (3, "support")


def test_renamed_context_is_shown_by_its_new_name(owner: Api) -> None:
    deploy(owner, PINNED)

    answer = owner("PATCH", "/api/contexts/support", {"name": "help"}, If_Match="*")

    assert answer.status_code == 200
    assert owner.get("/api/deployments/churn-live").json()["targets"][0]["context_version"]["context"] == "help"
    assert last(owner)["message"] == "A context that it pins is now named help."


def test_context_in_use_is_deleted_by_force_only_and_its_deployments_fail(owner: Api) -> None:
    deploy(owner, PINNED)

    refused = owner.delete("/api/contexts/support")
    assert refused.status_code == 409
    assert "'churn-live'" in refused.json()["detail"]
    assert owner.delete("/api/contexts/support?force=maybe").status_code == 400
    assert owner.delete("/api/contexts/support?force=true").status_code == 204

    assert owner.get("/api/deployments/churn-live").json()["status"] == "failed"
    assert "the context support was deleted by force" in last(owner)["message"]
    assert change(owner, "churn-live", status="pending").status_code == 409
    assert change(owner, "churn-live", status="pending", targets=[{"model": "churn", "version": 1}]).status_code == 200


def test_context_of_a_retired_deployment_is_deleted_freely(owner: Api) -> None:
    deploy(owner, PINNED)
    change(owner, "churn-live", status="retired")

    assert owner.delete("/api/contexts/support").status_code == 204


def test_rollback_pins_the_context_again_unless_it_is_deleted(owner: Api) -> None:
    deploy(owner, PINNED)
    change(owner, "churn-live", targets=[{"model": "churn", "version": 1}])

    assert owner.post("/api/deployments/churn-live/rollback", {"revision": 1}).status_code == 200
    assert last(owner)["content"]["targets"][0]["context_version"]["version"] == 1

    change(owner, "churn-live", targets=[{"model": "churn", "version": 1}])
    assert owner.delete("/api/contexts/support").status_code == 204
    answer = owner.post("/api/deployments/churn-live/rollback", {"revision": 1})
    assert (answer.status_code, "'support'" in answer.json()["detail"]) == (409, True)


def test_one_model_version_with_two_contexts_is_no_twin(owner: Api) -> None:
    context_version(owner, parameters={"seed": 1})
    halves = [{**PINNED, "context_version": {**SUPPORT, "version": n}, "weight": 50} for n in (1, 2)]

    deploy(owner, *halves)

    assert owner.post("/api/deployments", body(*[halves[0]] * 2, name="twins")).status_code == 400


def test_no_deployment_goes_live_with_a_context_that_is_deleted_meanwhile(shared_server: Server) -> None:
    with shared_server.client(shared_server.key) as client:
        client.post("/api/models", json={"name": "churn"})
        client.post("/api/models/churn/versions", json={"source": "s3://b/1"})
        for round_ in range(5):
            client.post("/api/contexts", json={"name": "support"})
            client.post(
                "/api/contexts/support/versions", json={"messages": [{"role": "user", "template": "Hello"}]}
            ).raise_for_status()

            turns = iter(range(8))

            def send(round_: int = round_, turns: Iterator[int] = turns) -> int:
                number = next(turns)
                with shared_server.client(shared_server.key) as own:
                    if number == 4:
                        return own.delete("/api/contexts/support?force=true").status_code
                    wanted = body(PINNED, name=f"d{round_}-{number}")
                    return own.post("/api/deployments", json=wanted).status_code

            statuses = at_once(8, send)

            assert statuses.count(204) == 1
            assert set(statuses) <= {201, 204, 400}
            live = client.get("/api/deployments?status=pending").json()["results"]
            assert live == [], "each was either refused or failed"


def test_targets_as_they_were_read_can_be_sent_with_other_weights(owner: Api) -> None:
    following = {"model": "churn", "alias": "champion", "weight": 60, "context_version": SUPPORT}
    read = deploy(owner, following, {"model": "churn", "version": 1, "weight": 40})["targets"]
    read[0]["weight"], read[1]["weight"] = 30, 70

    answer = change(owner, "churn-live", targets=read)

    assert (answer.status_code, answer.json()["targets"]) == (200, read)
    other = {"version": 3}, {"digest": "sha256:" + "0" * 64}, {"context_version": {**SUPPORT, "digest": "sha256:0"}}
    for wrong in other:
        assert change(owner, "churn-live", targets=[{**read[0], "weight": 100, **wrong}]).status_code == 400
