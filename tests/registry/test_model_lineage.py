"""GET /api/models/{model_id}/lineage"""

from typing import Any
from urllib.parse import quote

import pytest

from registry.models import ModelVersion, Parent, RegisteredModel
from tests.support.api import Api, api
from tests.support.resources import errors, model, version
from tests.support.server import Server, at_once


@pytest.fixture(autouse=True)
def made(owner: Api) -> None:
    """A data set → base 1 → tuned 1 → churn 1 → final 1, and base 1 → churn 1."""
    parents: dict[str, list[str]] = {
        "base": ["s3://data/2026"],
        "tuned": ["models:/base/1"],
        "churn": ["models:/tuned/1", "models:/base/1"],
        "final": ["models:/churn/1"],
    }
    for name, uris in parents.items():
        model(owner, name)
        version(owner, name, parents=[{"uri": uri} for uri in uris])


def lineage(caller: Api, name: str = "churn", query: str = "") -> tuple[set[str], set[tuple[str, str]]]:
    response = caller.get(f"/api/models/{name}/lineage{query}")
    assert response.status_code == 200, response.content
    told: dict[str, list[dict[str, Any]]] = response.json()
    return {node["id"] for node in told["nodes"]}, {(edge["from"], edge["to"]) for edge in told["edges"]}


def test_ancestors_and_descendants_are_told_as_nodes_and_edges(owner: Api) -> None:
    nodes, edges = lineage(owner)

    assert nodes == {"s3://data/2026", "models:/base/1", "models:/tuned/1", "models:/churn/1", "models:/final/1"}
    assert edges == {
        ("s3://data/2026", "models:/base/1"),
        ("models:/base/1", "models:/tuned/1"),
        ("models:/base/1", "models:/churn/1"),
        ("models:/tuned/1", "models:/churn/1"),
        ("models:/churn/1", "models:/final/1"),
    }


def test_depth_bounds_the_steps_in_each_direction(owner: Api) -> None:
    assert lineage(owner, "base", "?depth=1")[0] == {
        "s3://data/2026",
        "models:/base/1",
        "models:/tuned/1",
        "models:/churn/1",
    }


def test_models_that_the_key_may_not_see_are_left_out_with_their_edges() -> None:
    bound = api("bound", "read", model_patterns=["churn", "base", "final"])

    nodes, edges = lineage(bound)
    assert not any("tuned" in text for text in (*nodes, *(end for edge in edges for end in edge)))
    assert ("models:/base/1", "models:/churn/1") in edges


def test_parents_that_the_key_may_not_see_are_not_shown_with_a_version(owner: Api) -> None:
    bound = api("bound", "read", model_patterns=["churn", "base"])
    owner.delete("/api/models/tuned")

    shown = bound.get("/api/models/churn/versions/1").json()
    listed = bound.get("/api/models/churn/versions?fields=parents").json()["results"][0]
    assert shown["parents"] == listed["parents"] == [{"uri": "models:/base/1", "digest": ""}]


def test_parent_is_shown_as_it_is_called_now(owner: Api) -> None:
    owner("PATCH", "/api/models/base", {"name": "basis"}, If_Match="*")

    assert {"uri": "models:/basis/1", "digest": ""} in owner.get("/api/models/churn/versions/1").json()["parents"]
    assert ("models:/basis/1", "models:/churn/1") in lineage(owner)[1]


def test_parent_that_the_key_may_not_see_is_not_there_for_it(owner: Api) -> None:
    bound = api("bound", "read", "write", model_patterns=["churn"])
    body = {"source": "s3://b/m", "parents": [{"uri": "models:/base/1"}]}

    assert errors(bound.post("/api/models/churn/versions", body)) == {"parents"}


def test_circle_is_refused_where_it_would_be_closed(owner: Api) -> None:
    version(owner, "base", status="pending")
    version(owner, "tuned", parents=[{"uri": "models:/base/2"}])
    version(owner, "final", parents=[{"uri": "models:/tuned/2"}])

    for uri in ("models:/base/2", "models:/tuned/2", "models:/final/2"):
        response = owner("PATCH", "/api/models/base/versions/2", {"parents": [{"uri": uri}]}, If_Match="*")
        assert errors(response) == {"parents"}
    assert owner.get("/api/models/base/versions/2").json()["parents"] == []


def test_circle_is_refused_however_many_children_there_are(owner: Api) -> None:
    version(owner, "base", status="pending")
    model(owner, "many")
    base = ModelVersion.objects.get(model__name="base", number=2)
    children = [
        ModelVersion(model=RegisteredModel.objects.get(name="many"), number=number, source="s3://b/m")
        for number in range(1, 1103)
    ]
    ModelVersion.objects.bulk_create(children)
    Parent.objects.bulk_create(Parent(version=child, parent=base, uri="models:/base/2") for child in children)

    response = owner("PATCH", "/api/models/base/versions/2", {"parents": [{"uri": "models:/many/1102"}]}, If_Match="*")
    assert errors(response) == {"parents"}
    assert owner.get("/api/models/base/lineage?version=2").json()["cut"] is True


def test_change_of_parents_leaves_those_that_the_key_may_not_see(owner: Api) -> None:
    version(owner, "churn", status="pending", parents=[{"uri": "models:/base/1"}, {"uri": "s3://old"}])
    bound = api("bound", "read", "write", model_patterns=["churn"])

    bound("PATCH", "/api/models/churn/versions/2", {"parents": [{"uri": "s3://new"}]}, If_Match="*")

    shown = owner.get("/api/models/churn/versions/2").json()["parents"]
    assert {parent["uri"] for parent in shown} == {"models:/base/1", "s3://new"}


def test_etag_changes_with_what_is_shown_of_a_parent(owner: Api) -> None:
    path = "/api/models/churn/versions/1"
    tags = [owner.get(path)["ETag"]]
    owner("PATCH", "/api/models/base", {"name": "basis"}, If_Match="*")
    tags.append(owner.get(path)["ETag"])
    owner.delete("/api/models/basis/versions/1")
    tags.append(owner.get(path)["ETag"])

    assert len(set(tags)) == 3


def test_versions_and_their_parents_change_at_once_without_a_5xx(shared_server: Server) -> None:
    """Children are registered while their parent is changed, or deleted."""
    with shared_server.client(shared_server.key) as client:
        for name in ("a", "b"):
            client.post("/api/models", json={"name": name})
        client.post("/api/models/a/versions", json={"source": "s3://b/m", "status": "pending"})

    def change() -> set[int]:
        with shared_server.client(shared_server.key) as client:
            statuses = set()
            for number in range(15):
                made = client.post("/api/models/a/versions", json={"source": "s3://b/m"}).json()["version"]
                body = {"source": "s3://b/m", "parents": [{"uri": f"models:/a/{made}"}, {"uri": "models:/a/1"}]}
                statuses.add(client.post("/api/models/b/versions", json=body).status_code)
                parents = {"parents": [{"uri": f"s3://{number}"}]}
                answer = client.patch("/api/models/a/versions/1", json=parents, headers={"If-Match": "*"})
                statuses |= {answer.status_code, client.delete(f"/api/models/a/versions/{made - 1}").status_code}
        return statuses

    assert set().union(*at_once(6, change)) <= {200, 201, 204, 400, 404}


def test_deleted_parent_stays_by_its_name(owner: Api) -> None:
    owner.delete("/api/models/tuned")

    nodes, edges = lineage(owner)
    assert ("models:/tuned/1", "models:/churn/1") in edges
    assert owner.get("/api/models/churn/versions/1").json()["parents"][0]["uri"] == "models:/tuned/1"
    assert "models:/tuned/1" in nodes
    bound = api("bound", "read", model_patterns=["churn"])
    assert "models:/tuned/1" not in lineage(bound)[0]


def test_model_without_versions_has_no_lineage(owner: Api) -> None:
    model(owner, "empty")

    assert lineage(owner, "empty") == (set(), set())


def test_version_can_be_chosen(owner: Api) -> None:
    version(owner, "churn")

    assert lineage(owner)[1] == set()
    assert len(lineage(owner, query="?version=1")[1]) == 5
    assert owner.get("/api/models/churn/lineage?version=7").status_code == 404


@pytest.mark.parametrize("query", ["depth=0", "depth=21", "depth=x", "version=0", "x=1"])
def test_bad_parameter_gets_400(owner: Api, query: str) -> None:
    assert errors(owner.get(f"/api/models/churn/lineage?{query}")) == {query.partition("=")[0]}


@pytest.mark.parametrize("comparison", ["= 'models:/fraud/1'", "LIKE 'models:/fraud/%'", "!= 'models:/other/1'"])
def test_filter_finds_no_source_that_is_hidden(owner: Api, comparison: str) -> None:
    model(owner, "fraud")
    version(owner, "fraud")
    model(owner, "copy")
    version(owner, "copy", source="models:/fraud/1")
    version(owner, "copy", source="s3://b/own")
    bound = api("bound", "read", model_patterns=["copy"])

    def found(caller: Api) -> list[int]:
        answer = caller.get(f"/api/models/copy/versions?filter={quote(f'source_path {comparison}')}")
        return [row["version"] for row in answer.json()["results"]]

    assert 1 in found(owner)
    assert 1 not in found(bound)


def test_lineage_is_known_by_its_etag_until_it_changes(owner: Api) -> None:
    path = "/api/models/churn/lineage"
    known = owner.get(path)["ETag"]

    assert owner.get(path, If_None_Match=known).status_code == 304
    version(owner, "churn", parents=[{"uri": "models:/churn/1"}])
    assert owner.get(path, If_None_Match=known).status_code == 200
