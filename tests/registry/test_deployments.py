"""/api/deployments"""

from itertools import product
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from mcp_project.audit.models import AuditEntry
from registry.models import Deployment, DeploymentRevision, DeploymentTarget
from registry.services.deployments import MOVES
from tests.support.api import Api, api
from tests.support.deployments import body, change, deploy, make_model
from tests.support.server import Server, at_once

BAD_TEXTS: list[Any] = [None, "", 7, []]
FULL = {
    "description": "# Who leaves",
    "owner": "growth",
    "protocol": "openai",
    "timeout": 30,
    "status": "active",
    "tags": {"team": "growth"},
    "metadata": {"replicas": 3, "big": 1e15},
}


@pytest.fixture(autouse=True)
def _churn(db: None) -> None:
    make_model("churn", 3, champion=2)


def test_deployment_is_read_back_as_it_was_sent(owner: Api) -> None:
    created = owner.post("/api/deployments", body(**FULL, message="first"))

    assert created.status_code == 201, created.content
    made = created.json()
    assert made | FULL == made
    assert (made["revision"], made["created_by"]) == (1, f"key:{owner.row.pk}")
    [target] = made["targets"]
    assert (target["model"], target["version"], target["alias"], target["weight"]) == ("churn", 1, None, 100)
    assert target["digest"] == f"sha256:{1:064x}"
    assert "message" not in made
    for id_or_name in (made["id"], "churn-live"):
        read = owner.get(f"/api/deployments/{id_or_name}")
        assert (read.json(), read["ETag"]) == (made, created["ETag"])
    assert created["Location"] == f"/api/deployments/{made['id']}"


def test_what_is_not_told_has_its_default(owner: Api) -> None:
    made = deploy(owner)

    assert (made["owner"], made["status"], made["protocol"], made["timeout"]) == ("owner", "pending", "http", 60)


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        *[({name: wrong}, name) for name in ("name", "endpoint", "environment") for wrong in BAD_TEXTS],
        ({"name": "a/b"}, "name"),
        ({"name": "x" * 256}, "name"),
        ({"owner": "t\tab"}, "owner"),
        ({"environment": "moon"}, "environment"),
        ({"environment": "Production"}, "environment"),
        ({"endpoint": "https://localhost/"}, "endpoint"),
        ({"endpoint": "ftp://example.com"}, "endpoint"),
        ({"endpoint": "https://example.com/" + "x" * 2000}, "endpoint"),
        ({"protocol": "grpc"}, "protocol"),
        ({"timeout": 0}, "timeout"),
        ({"timeout": 3601}, "timeout"),
        ({"timeout": 10**30}, "timeout"),
        ({"timeout": True}, "timeout"),
        ({"timeout": None}, "timeout"),
        ({"status": "asleep"}, "status"),
        ({"status": "retired"}, "status"),
        ({"tags": {"a": 1}}, "tags.a"),
        ({"tags": {str(n): "" for n in range(101)}}, "tags"),
        ({"metadata": []}, "metadata"),
        ({"metadata": {"k": 10**400}}, "metadata"),
        ({"metadata": {"k": "x" * 65_536}}, "metadata"),
        ({"message": "x" * 1001}, "message"),
        ({"message": {}}, "message"),
        ({"revision": 7}, "revision"),
        ({"digest": "sha256:"}, "digest"),
        ({"id": "018f0000-0000-7000-8000-000000000000"}, "id"),
        ({"tragets": []}, "tragets"),
    ],
)  # fmt: skip
def test_bad_field_gets_400_that_names_it_and_changes_nothing(owner: Api, bad: dict[str, Any], field: str) -> None:
    deploy(owner, name="there")

    answers = [owner.post("/api/deployments", {**body(), **bad})]
    if bad != {"status": "retired"}:
        answers.append(change(owner, "there", **bad))

    for answer in answers:
        assert answer.status_code == 400, answer.content
        assert {error["field"] for error in answer.json()["errors"]} == {field}
    assert (Deployment.objects.count(), DeploymentTarget.objects.count(), DeploymentRevision.objects.count()) == (
        1,
    ) * 3


@pytest.mark.parametrize("missing", ["name", "environment", "endpoint", "targets"])
def test_what_is_needed_is_told(owner: Api, missing: str) -> None:
    answer = owner.post("/api/deployments", {name: value for name, value in body().items() if name != missing})

    assert [(error["field"], error["code"]) for error in answer.json()["errors"]] == [(missing, "required")]


def test_taken_name_gets_409(owner: Api) -> None:
    deploy(owner)
    deploy(owner, name="other")

    assert owner.post("/api/deployments", body()).status_code == 409
    assert change(owner, "other", name="churn-live").status_code == 409
    assert DeploymentRevision.objects.count() == 2


def test_change_takes_the_etag_of_what_was_read(owner: Api) -> None:
    deploy(owner)
    path = "/api/deployments/churn-live"
    etag = owner.get(path)["ETag"]

    assert owner("PATCH", path, {"timeout": 5}).status_code == 428
    changed = owner("PATCH", path, {"timeout": 5}, If_Match=etag)
    assert (changed.status_code, changed.json()["timeout"], changed.json()["revision"]) == (200, 5, 2)
    assert owner("PATCH", path, {"timeout": 6}, If_Match=etag).status_code == 412
    assert owner.delete(path, If_Match=etag).status_code == 412
    assert owner.get(path, If_None_Match=etag).status_code == 200
    assert owner.get(path, If_None_Match=changed["ETag"]).status_code == 304


def test_change_of_nothing_makes_no_revision_and_true_is_not_one(owner: Api) -> None:
    made = deploy(owner, metadata={"canary": 1})

    assert change(owner, "churn-live", timeout=60, targets=[{"model": "churn", "version": 1}]).json() == made
    assert change(owner, "churn-live", metadata={"canary": True}).json()["revision"] == 2


@pytest.mark.parametrize(("status", "wanted"), list(product(MOVES, MOVES)))
def test_status_moves_as_the_table_has_it(owner: Api, status: str, wanted: str) -> None:
    deploy(owner)
    Deployment.objects.update(status=status)

    answer = change(owner, "churn-live", status=wanted)

    if wanted == status or wanted in MOVES[status]:
        assert (answer.status_code, answer.json()["status"]) == (200, wanted)
    else:
        assert (answer.status_code, answer.json()["code"]) == (409, "CONFLICT")
        named = answer.json()["detail"].partition("allowed: ")[2].rstrip(".")
        assert set(named.split(", ")) == (MOVES[status] or {"none"})
        assert DeploymentRevision.objects.count() == 1


def test_what_is_retired_keeps_what_it_was(owner: Api) -> None:
    deploy(owner)
    change(owner, "churn-live", status="retired")

    assert change(owner, "churn-live", description="of old").status_code == 200
    answer = change(owner, "churn-live", timeout=5, endpoint="https://example.com")
    assert answer.status_code == 409
    assert "endpoint, timeout" in answer.json()["detail"]
    assert owner.post("/api/deployments/churn-live/rollback", {"revision": 1}).status_code == 409


def test_reader_may_not_write_and_only_admin_deletes_what_others_own(owner: Api, teammate: Api, admin: Api) -> None:
    deploy(owner)
    deploy(owner, name="own")
    path = "/api/deployments/churn-live"

    assert teammate.get(path).status_code == 200
    assert teammate.post("/api/deployments", body(name="x")).status_code == 403
    assert teammate.post(f"{path}/rollback", {"revision": 1}).status_code == 403
    assert api("stranger", "read", "write").delete(path).status_code == 403
    assert admin.delete(path).status_code == 204
    assert owner.delete("/api/deployments/own").status_code == 204
    assert not DeploymentRevision.objects.exists()


def test_every_change_is_in_the_audit_trail(owner: Api, admin: Api) -> None:
    made = deploy(owner)
    change(owner, "churn-live", timeout=5)
    owner.post("/api/deployments/churn-live/rollback", {"revision": 1})
    owner.delete("/api/deployments/churn-live")

    entries = list(AuditEntry.objects.filter(object_id=made["id"]).order_by("pk"))
    assert [entry.action for entry in entries] == ["create", "update", "rollback", "delete"]
    assert entries[1].changes == {"timeout": [60, 5], "revision": [1, 2]}


@pytest.mark.parametrize("id_or_name", ["01900000-0000-7000-8000-000000000000", "none", "%00", "x" * 3000])
@pytest.mark.parametrize("rest", ["", "/revisions", "/revisions/1", "/revisions/1/verify", "/diff"])
def test_unknown_deployment_gets_404(teammate: Api, id_or_name: str, rest: str) -> None:
    assert teammate.get(f"/api/deployments/{id_or_name}{rest}").status_code == 404


def test_lists_are_filtered_searched_and_ordered(owner: Api, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    fraud = make_model("fraud")
    deploy(owner, name="a", environment="staging", tags={"team": "growth"}, status="active")
    deploy(owner, {"model": "fraud", "version": 1}, name="c", owner="risk")
    deploy(owner, name="b", description="catches leavers")

    def names(query: str) -> list[str]:
        page = owner.get(f"/api/deployments?{query}").json()
        assert "results" in page, page
        return [found["name"] for found in page["results"]]

    assert names("") == ["b", "c", "a"]
    assert names("environment=staging") == names("status=active") == names("search=growth") == ["a"]
    assert names("model=fraud") == names(f"model={fraud.pk}") == names("owner=risk") == ["c"]
    assert names("search=leavers") == names("name=b") == ["b"]
    assert names("order_by=name") == ["a", "b", "c"]
    assert names("filter=environment = 'staging' AND tag.team = 'growth'".replace(" ", "%20")) == ["a"]
    assert owner.get("/api/deployments?status=asleep").status_code == 400
    assert owner.get("/api/deployments?colour=red").status_code == 400
    with django_assert_num_queries(3):  # the limiter's, the deployments, their targets
        assert len(owner.get("/api/deployments").json()["results"]) == 3


def _patch_at_once(server: Server, etag: str, first: int) -> list[int]:
    numbers = iter(range(first, first + 16))

    def patch() -> int:
        with server.client(server.key) as client:
            sent = {"timeout": next(numbers)}
            return client.patch("/api/deployments/churn-live", json=sent, headers={"If-Match": etag}).status_code

    return at_once(16, patch)


def test_of_many_changes_at_once_one_wins_for_each_etag(shared_server: Server) -> None:
    with shared_server.client(shared_server.key) as client:
        client.post("/api/models", json={"name": "churn"})
        client.post("/api/models/churn/versions", json={"source": "s3://b/1"})
        made = client.post("/api/deployments", json=body()).json()
        for turn in (1, 2, 3):
            etag = client.get("/api/deployments/churn-live").headers["ETag"]
            assert sorted(_patch_at_once(shared_server, etag, first=100 * turn)) == [200] + [412] * 15
        found = client.get(f"/api/deployments/{made['id']}/revisions").json()["results"]
        assert [revision["revision"] for revision in found] == [4, 3, 2, 1]
