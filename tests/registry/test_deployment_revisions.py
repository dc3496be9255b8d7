"""/api/deployments/{deployment_id}/revisions, rollback and diff"""

import hashlib
import json
import os
import re
import subprocess
import sys
from typing import Any

import pytest
from django.conf import settings
from django.db import DatabaseError, connection, transaction

from registry.canonical import canonical, digest
from registry.differences import differences
from registry.models import Deployment, DeploymentRevision
from registry.rest.serializers.deployments import DeploymentSerializer
from tests.support.api import Api
from tests.support.deployments import body, change, deploy, make_model, revisions
from tests.support.server import Server

PATH = "/api/deployments/churn-live"


@pytest.fixture(autouse=True)
def _churn(request: pytest.FixtureRequest) -> None:
    if "server" not in request.fixturenames:
        request.getfixturevalue("db")
        make_model("churn", 3, champion=2)


def test_every_change_makes_a_revision_that_says_who_when_and_why(owner: Api, admin: Api) -> None:
    deploy(owner, message="the first")
    change(admin, "churn-live", timeout=5, message="it is slow")

    first, second = revisions(owner)

    assert [(r["revision"], r["actor"], r["message"]) for r in (first, second)] == [
        (1, f"key:{owner.row.pk}", "the first"),
        (2, f"key:{admin.row.pk}", "it is slow"),
    ]
    assert first["at"] < second["at"]
    assert (first["content"]["timeout"], second["content"]["timeout"]) == (60, 5)
    assert second["content"]["targets"][0]["digest"] == f"sha256:{1:064x}"
    shown = owner.get(PATH).json()
    assert shown["digest"] == second["digest"]
    assert {name: shown[name] for name in second["content"]} == second["content"]


def test_list_is_paged_and_has_no_content(owner: Api) -> None:
    deploy(owner)
    for seconds in range(1, 6):
        change(owner, "churn-live", timeout=seconds)

    page = owner.get(f"{PATH}/revisions?limit=4").json()
    rest = owner.get(page["next"]).json()

    assert [r["revision"] for r in [*page["results"], *rest["results"]]] == [6, 5, 4, 3, 2, 1]
    assert "content" not in page["results"][0]


def test_revision_is_known_by_its_etag_and_unknown_ones_are_404(owner: Api) -> None:
    deploy(owner)
    read = owner.get(f"{PATH}/revisions/1")

    assert owner.get(f"{PATH}/revisions/1", If_None_Match=read["ETag"]).status_code == 304
    for number in (0, 2, 2**31, 10**30):
        assert owner.get(f"{PATH}/revisions/{number}").status_code == 404


def test_digest_is_of_the_canonical_json_as_anyone_can_compute_it(owner: Api) -> None:
    deploy(owner, metadata={"ü": [1.5, 1e15, -0.0, 1e-7, True, None], "b": {"z": 1, "a": "\u2028"}}, tags={"é": "x"})

    [revision] = revisions(owner)

    text = json.dumps(revision["content"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert revision["digest"] == f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
    verified = owner.get(f"{PATH}/revisions/1/verify").json()
    assert verified == {
        "revision": 1, "intact": True, "recorded": revision["digest"], "computed": revision["digest"],
    }  # fmt: skip


def test_canonical_json_is_one_for_equal_values_and_none_for_nan() -> None:
    assert canonical({"b": [1, 1.5, None], "a": "ü"}) == '{"a":"ü","b":[1,1.5,null]}'.encode()
    assert digest({}) == f"sha256:{hashlib.sha256(b'{}').hexdigest()}"
    for value in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="JSON compliant"):
            canonical([value])


@pytest.mark.parametrize("statement", ["UPDATE {} SET message = 'x'", "DELETE FROM {}", "TRUNCATE {}"])
def test_database_refuses_to_rewrite_revisions(owner: Api, statement: str) -> None:
    deploy(owner)

    with pytest.raises(DatabaseError, match="immutable"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement.format("registry_deploymentrevision"))

    assert owner.get(f"{PATH}/revisions/1/verify").json()["intact"] is True


def test_revisions_go_with_their_deployment_and_no_others(owner: Api) -> None:
    deploy(owner)
    deploy(owner, name="other")

    assert owner.delete(PATH).status_code == 204

    assert [r.deployment.name for r in DeploymentRevision.objects.all()] == ["other"]


def test_revision_that_was_tampered_with_is_told(owner: Api) -> None:
    deploy(owner)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE registry_deploymentrevision DISABLE TRIGGER registry_revision_immutable")
        cursor.execute("UPDATE registry_deploymentrevision SET content = replace(content, '60', '61')")
        cursor.execute("ALTER TABLE registry_deploymentrevision ENABLE TRIGGER registry_revision_immutable")

    verified = owner.get(f"{PATH}/revisions/1/verify").json()

    assert verified["intact"] is False
    assert verified["recorded"] != verified["computed"]


def test_rollback_makes_a_new_revision_with_all_but_the_status(owner: Api) -> None:
    deploy(owner, {"model": "churn", "version": 1}, metadata={"a": 1})
    two = [{"model": "churn", "version": 2, "weight": 60}, {"model": "churn", "version": 3, "weight": 40}]
    change(owner, "churn-live", targets=two, timeout=5, metadata={}, status="active", name="renamed")

    rolled = owner.post("/api/deployments/renamed/rollback", {"revision": 1, "message": "back"})

    assert rolled.status_code == 200, rolled.content
    first, _, third = revisions(owner)
    assert third["content"] == {**first["content"], "status": "active"}
    assert (third["message"], rolled.json()["revision"], rolled.json()["digest"]) == ("back", 3, third["digest"])
    assert rolled["ETag"] == owner.get(PATH)["ETag"]


def test_rollback_follows_an_alias_only_while_it_names_the_same_version(owner: Api) -> None:
    deploy(owner, {"model": "churn", "alias": "champion"})
    change(owner, "churn-live", timeout=5)
    assert owner.post(f"{PATH}/rollback", {"revision": 1}).json()["targets"][0]["alias"] == "champion"
    owner("PUT", "/api/models/churn/aliases/champion", {"version": 3})

    [target] = owner.post(f"{PATH}/rollback", {"revision": 1}).json()["targets"]

    assert (target["version"], target["alias"]) == (2, None)


def test_rollback_to_a_deleted_version_or_model_is_409(owner: Api) -> None:
    deploy(owner, {"model": "churn", "version": 1})
    make_model("fraud")
    change(owner, "churn-live", targets=[{"model": "fraud", "version": 1}])
    assert owner.delete("/api/models/churn/versions/1").status_code == 204

    answer = owner.post(f"{PATH}/rollback", {"revision": 1})
    assert (answer.status_code, "Version 1 of 'churn'" in answer.json()["detail"]) == (409, True)
    assert owner.delete("/api/models/churn").status_code == 204
    assert owner.post(f"{PATH}/rollback", {"revision": 1}).status_code == 409
    assert Deployment.objects.get().revision == 2


@pytest.mark.parametrize(
    ("sent", "field"),
    [({}, "revision"), ({"revision": 0}, "revision"), ({"revision": "x"}, "revision"), ({"revision": None}, "revision"),
     ({"revision": 1, "message": 7}, "message"), ({"revision": 1, "force": True}, "force")],
)  # fmt: skip
def test_bad_rollback_gets_400(owner: Api, sent: dict[str, Any], field: str) -> None:
    deploy(owner)

    answer = owner.post(f"{PATH}/rollback", sent)

    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert owner.post(f"{PATH}/rollback", {"revision": 9}).status_code == 404
    assert owner.post(f"{PATH}/rollback", {"revision": 1}, If_Match='"9"').status_code == 412


def test_diff_has_each_part_that_differs(owner: Api) -> None:
    deploy(owner, tags={"a": "1"})
    change(owner, "churn-live", tags={"b/c": "2"}, targets=[{"model": "churn", "version": 2}])
    change(owner, "churn-live", timeout=5)

    found = owner.get(f"{PATH}/diff?from=1&to=2").json()

    assert (found["from"], found["to"]) == (1, 2)
    assert [(part["op"], part["path"], part["before"], part["after"]) for part in found["differences"]] == [
        ("remove", "/tags/a", "1", None),
        ("add", "/tags/b~1c", None, "2"),
        ("replace", "/targets/0/digest", f"sha256:{1:064x}", f"sha256:{2:064x}"),
        ("replace", "/targets/0/version", 1, 2),
    ]
    [last] = owner.get(f"{PATH}/diff").json()["differences"]
    assert last == {"op": "replace", "path": "/timeout", "before": 60, "after": 5}
    assert owner.get(f"{PATH}/diff?from=x").status_code == owner.get(f"{PATH}/diff?form=1").status_code == 400
    assert owner.get(f"{PATH}/diff?from=1&to=9").status_code == 404


def test_difference_knows_lists_and_true_from_one() -> None:
    assert list(differences({"a": [1, 2], "b": 1}, {"a": [1], "b": True})) == [
        {"op": "remove", "path": "/a/1", "before": 2, "after": None},
        {"op": "replace", "path": "/b", "before": 1, "after": True},
    ]


def test_script_of_the_docs_verifies_a_revision(shared_server: Server) -> None:
    script = settings.BASE_DIR / "docs" / "verify_revision.py"
    with shared_server.client(shared_server.key) as client:
        client.post("/api/models", json={"name": "churn"})
        client.post("/api/models/churn/versions", json={"source": "s3://b/1"})
        made = client.post("/api/deployments", json=body(name="churn live", metadata={"ü": 1e-22})).json()

    def verify(revision: str, key: str = shared_server.key) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, str(script), shared_server.url, "churn live", revision]
        environment = {**os.environ, "MCP_KEY": key}
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)

    done = verify("1")
    assert (done.returncode, done.stdout) == (0, f"intact: {made['digest']}\n"), done.stderr
    missing = verify("2")
    assert (missing.returncode, "404" in missing.stderr, "Traceback" in missing.stderr) == (2, True, False)


def test_every_field_of_a_deployment_is_described() -> None:
    page = (settings.BASE_DIR / "docs" / "deployments.md").read_text()
    table = page.partition("## What a deployment has")[2].partition("\n**")[0]
    described = {
        name for row in re.findall(r"^\| (.*?) \|", table, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)
    }

    assert described == set(DeploymentSerializer.Meta.fields)


def test_roll_back_takes_nothing_back_from_its_owner(owner: Api, admin: Api) -> None:
    deploy(owner, {"model": "churn", "version": 1})
    assert change(admin, "churn-live", owner="bob").status_code == 200

    assert owner.post("/api/deployments/churn-live/rollback", {"revision": 1}).status_code == 403
    assert admin.post("/api/deployments/churn-live/rollback", {"revision": 1}).status_code == 200


def test_numbers_that_are_stored_in_another_way_make_no_revision(owner: Api) -> None:
    metadata = {"a": 1e15, "b": [1.0, -0.0, 1.5, 1e-7]}
    deploy(owner, {"model": "churn", "version": 1}, metadata=metadata)

    change(owner, "churn-live", metadata=metadata)
    change(owner, "churn-live", description="d")

    assert len(revisions(owner)) == 2
    changes = owner.get("/api/deployments/churn-live/diff?from=1&to=2").json()
    assert "metadata" not in str(changes)
