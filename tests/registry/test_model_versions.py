"""/api/models/{model_id}/versions"""

from typing import Any

import pytest

from registry.models import ModelVersion
from tests.support.api import Api
from tests.support.resources import errors, model, version
from tests.support.server import Server, at_once

FULL: dict[str, Any] = {
    "source": "s3://bucket/churn/3",
    "digest": "sha256:" + "0a" * 32,
    "size": 12345,
    "run_id": "run-7",
    "run_link": "https://ci.example.com/runs/7",
    "status": "pending",
    "status_message": "uploading",
    "metrics": {"auc": 0.91, "n": 7},
    "params": {"depth": "6", "features": ["a", "b"]},
    "signature": {"inputs": {"type": "object"}, "outputs": {"type": "number"}},
    "parents": [{"uri": "s3://data/2026", "digest": "sha256:" + "ff" * 32}],
    "description": "# better",
    "tags": {"stage": "trial"},
}


def test_version_is_read_back_as_it_was_sent(owner: Api) -> None:
    made = model(owner)

    created = owner.post("/api/models/churn/versions", FULL)

    assert created.status_code == 201
    shown = created.json()
    assert shown | FULL == shown
    assert (shown["model"], shown["version"], shown["stage"], shown["aliases"]) == ("churn", 1, "None", [])
    assert shown["created_by"] == f"key:{owner.row.pk}"
    assert created["Location"] == f"/api/models/{made['id']}/versions/1"
    assert owner.get(created["Location"]).json() == shown


def test_model_tells_its_latest_version_and_changes_with_it(owner: Api) -> None:
    before = model(owner)
    for _ in range(2):
        version(owner)

    after = owner.get("/api/models/churn")

    assert (before["latest_version"], after.json()["latest_version"]) == (None, 2)
    assert after.json()["updated_at"] > before["updated_at"]


def test_model_and_its_versions_are_found_by_name_and_by_id(owner: Api) -> None:
    made = model(owner, "größer als 3")
    version(owner, made["id"])

    for id_or_name in (made["id"], made["id"].upper(), "größer als 3", "gr%C3%B6%C3%9Fer%20als%203"):
        assert owner.get(f"/api/models/{id_or_name}").json()["id"] == made["id"]
        assert owner.get(f"/api/models/{id_or_name}/versions/1").json()["model"] == "größer als 3"


def test_name_that_reads_like_another_models_id_leads_to_the_other(owner: Api) -> None:
    first = model(owner, "first")
    model(owner, first["id"])

    assert owner.get(f"/api/models/{first['id']}").json()["name"] == "first"


def test_numbers_are_never_given_again(owner: Api) -> None:
    model(owner)
    for _ in range(3):
        version(owner)

    for number in (3, 1):
        assert owner.delete(f"/api/models/churn/versions/{number}").status_code == 204
    assert owner.get("/api/models/churn").json()["latest_version"] == 2
    assert version(owner)["version"] == 4
    assert [row["version"] for row in owner.get("/api/models/churn/versions").json()["results"]] == [4, 2]


def test_model_that_is_made_again_begins_at_one(owner: Api) -> None:
    model(owner)
    version(owner)
    owner.delete("/api/models/churn")

    model(owner)
    assert version(owner)["version"] == 1


def test_numbers_are_consecutive_under_16_writers_at_once(shared_server: Server) -> None:
    with shared_server.client(shared_server.key) as client:
        client.post("/api/models", json={"name": "contested"})

    def register() -> int:
        with shared_server.client(shared_server.key) as client:
            answer = client.post("/api/models/contested/versions", json={"source": "s3://b/m"})
            return int(answer.json()["version"])

    assert sorted(at_once(16, register)) == list(range(1, 17))


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no source": ({"source": None}, "source"),
    "local path": ({"source": "/etc/passwd"}, "source"),
    "file": ({"source": "file:///etc/passwd"}, "source"),
    "file without slashes": ({"source": "FILE:/etc/passwd"}, "source"),
    "script": ({"source": "javascript:/alert(1)"}, "source"),
    "outside": ({"source": "s3://bucket/../other"}, "source"),
    "outside, encoded": ({"source": "s3://bucket/%2e%2E/other"}, "source"),
    "outside, encoded twice": ({"source": "s3://bucket/%252e%252e/other"}, "source"),
    "outside, backslash": ({"source": "s3://bucket\\..\\other"}, "source"),
    "relative": ({"source": "models/churn"}, "source"),
    "another run": ({"source": "runs:/abc/model", "run_id": "xyz"}, "source"),
    "no run": ({"source": "runs:/abc/model"}, "source"),
    "long source": ({"source": "s3://" + "x" * 2000}, "source"),
    "short digest": ({"digest": "sha256:abc"}, "digest"),
    "other digest": ({"digest": "md5:" + "0" * 32}, "digest"),
    "digest in capitals": ({"digest": "sha256:" + "0A" * 32}, "digest"),
    "negative size": ({"size": -1}, "size"),
    "size in words": ({"size": "big"}, "size"),
    "script link": ({"run_link": "javascript:alert(1)"}, "run_link"),
    "link with a password": ({"run_link": "https://me:secret@example.com/"}, "run_link"),
    "link without a host": ({"run_link": "https:///x"}, "run_link"),
    "link with a bad port": ({"run_link": "https://example.com:99999/"}, "run_link"),
    "status": ({"status": "done"}, "status"),
    "stage": ({"stage": "Production"}, "stage"),
    "metric in words": ({"metrics": {"auc": "good"}}, "metrics"),
    "metric true": ({"metrics": {"auc": True}}, "metrics"),
    "metrics as list": ({"metrics": [1]}, "metrics"),
    "params too large": ({"params": {"p": "x" * 70_000}}, "params"),
    "no schema": ({"signature": {"inputs": {"type": "nonsense"}}}, "signature"),
    "schema a number": ({"signature": {"inputs": 7}}, "signature"),
    "other in signature": ({"signature": {"input": {}}}, "signature"),
    "schema that takes long": ({"signature": {"inputs": {"type": [{"a": n} for n in range(900)]}}}, "signature"),
    "large schema": ({"signature": {"inputs": {"title": "x" * 70_000}}}, "signature"),
    "source of nobody's run": ({"source": "RUNS:/abc/model"}, "source"),
    "disk": ({"source": "C:/Users/x"}, "source"),
    "parent without URI": ({"parents": [{}]}, "parents"),
    "parent unknown": ({"parents": [{"uri": "models:/nobody/1"}]}, "parents"),
    "parent without number": ({"parents": [{"uri": "models:/churn"}]}, "parents"),
    "parent twice": ({"parents": [{"uri": "s3://a"}, {"uri": "s3://a"}]}, "parents"),
    "parent local": ({"parents": [{"uri": "/etc/passwd"}]}, "parents"),
    "101 parents": ({"parents": [{"uri": f"s3://a/{number}"} for number in range(101)]}, "parents"),
    "10,000 tags": ({"tags": {str(number): "" for number in range(10_000)}}, "tags"),
    "tag a number": ({"tags": {"a": 1}}, "tags"),
    "unknown field": ({"sourc": "s3://b"}, "sourc"),
    "own number": ({"version": 7}, "version"),
}


@pytest.mark.parametrize(("fields", "field"), BAD.values(), ids=BAD)
def test_bad_field_gets_400_that_names_it_and_leaves_nothing(owner: Api, fields: dict[str, Any], field: str) -> None:
    model(owner)

    response = owner.post("/api/models/churn/versions", {"source": "s3://bucket/model"} | fields)

    assert errors(response) == {field}
    assert not ModelVersion.objects.exists()
    assert owner.get("/api/models/churn").json()["latest_version"] is None


def test_change_may_leave_out_what_it_likes_but_not_a_parents_uri(owner: Api) -> None:
    model(owner)
    version(owner, status="pending")

    assert errors(owner("PATCH", "/api/models/churn/versions/1", {"parents": [{}]}, If_Match="*")) == {"parents"}


@pytest.mark.parametrize("tags", [{str(n): "\u4e2da " * 900 for n in range(30)}, {"a" * 251: ""}])
def test_tags_that_are_too_large_get_400(owner: Api, tags: dict[str, str]) -> None:
    assert errors(owner.post("/api/models", {"name": "m", "tags": tags})) == {"tags"}


@pytest.mark.parametrize("name", [".", ".."])
def test_names_that_are_folders_get_400(owner: Api, name: str) -> None:
    assert errors(owner.post("/api/models", {"name": name})) == {"name"}


@pytest.mark.parametrize("number", ["0", "2", "99999999999999999999", "-1", "x", "1.0"])
def test_unknown_version_gets_404(owner: Api, number: str) -> None:
    model(owner)
    version(owner)

    assert owner.get(f"/api/models/churn/versions/{number}").status_code == 404


def test_what_defines_a_version_is_fixed_once_it_is_ready(owner: Api) -> None:
    model(owner)
    version(owner, **FULL)
    path = "/api/models/churn/versions/1"

    def change(fields: dict[str, Any]) -> int:
        return owner("PATCH", path, fields, If_Match="*").status_code

    assert change({"source": "s3://bucket/other", "metrics": {}, "parents": []}) == 200
    assert change({"status": "ready", "status_message": ""}) == 200
    definitions: list[dict[str, Any]] = [
        {"source": "s3://x"}, {"digest": ""}, {"metrics": {"a": 1}}, {"parents": []}, {"status": "pending"},
    ]  # fmt: skip
    for fields in definitions:
        assert change(fields) == 409
    assert change({"description": "d", "tags": {"a": "b"}, "source": "s3://bucket/other"}) == 200
    shown = owner.get(path).json()
    assert (shown["source"], shown["description"], shown["tags"]) == ("s3://bucket/other", "d", {"a": "b"})


@pytest.mark.parametrize(
    ("before", "after", "status"),
    [("pending", "failed", 200), ("failed", "pending", 200), ("failed", "ready", 409), ("ready", "failed", 409)],
)
def test_status_moves_as_it_may(owner: Api, before: str, after: str, status: int) -> None:
    model(owner)
    version(owner, status=before)

    response = owner("PATCH", "/api/models/churn/versions/1", {"status": after}, If_Match="*")

    assert response.status_code == status
    if status == 409:
        assert "allowed: " in response.json()["detail"]


def test_runs_source_is_taken_with_its_run_also_when_one_of_them_changes(owner: Api) -> None:
    model(owner)
    version(owner, source="runs:/abc/model", run_id="abc", status="pending")

    response = owner("PATCH", "/api/models/churn/versions/1", {"run_id": "xyz"}, If_Match="*")

    assert errors(response) == {"source"}


def test_versions_are_listed_in_pages_filtered_and_ordered(owner: Api) -> None:
    model(owner)
    for run in ("a", "b", "a", "c"):
        version(owner, run_id=run, tags={"run": run})

    def listed(query: str) -> list[int]:
        return [row["version"] for row in owner.get(f"/api/models/churn/versions?{query}").json()["results"]]

    assert listed("") == [4, 3, 2, 1]
    assert listed("run_id=a") == [3, 1]
    assert listed("filter=run_id IN ('a', 'c') AND version_number > 1") == [4, 3]
    assert listed("filter=tag.run = 'b'") == [2]
    assert listed("order_by=version_number ASC&limit=2") == [1, 2]
    second = owner.get(owner.get("/api/models/churn/versions?order_by=version_number ASC&limit=2").json()["next"])
    assert [row["version"] for row in second.json()["results"]] == [3, 4]


@pytest.mark.parametrize("query", ["filter=name", "order_by=size", "stage=x", "x=1", "limit=0"])
def test_bad_list_gets_400(owner: Api, query: str) -> None:
    model(owner)

    assert errors(owner.get(f"/api/models/churn/versions?{query}")) == {query.partition("=")[0]}
