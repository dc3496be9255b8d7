"""/api/contexts"""

from typing import Any
from uuid import UUID

import pytest
from pytest_django import DjangoAssertNumQueries

from registry.models import Context
from tests.support.api import Api, api
from tests.support.resources import context, context_version, errors, model
from tests.support.server import Server, at_once

FULL: dict[str, Any] = {
    "name": "support desk",
    "description": "# What the desk says",
    "owner": "care",
    "tags": {"team": "care", "schön": ""},
    "metadata": {"channels": ["mail", {"chat": None}]},
}


def change(caller: Api, path: str, body: Any, etag: str | None = "*") -> Any:
    return caller("PATCH", path, body, **({"If_Match": etag} if etag else {}))


def test_context_is_read_back_as_it_was_sent(owner: Api) -> None:
    created = owner.post("/api/contexts", FULL)

    assert created.status_code == 201
    shown = created.json()
    assert shown | FULL == shown
    assert UUID(shown["id"]).version == 7
    assert (shown["latest_version"], shown["aliases"], shown["models"]) == (None, {}, [])
    assert shown["created_by"] == f"key:{owner.row.pk}"
    assert created["Location"] == f"/api/contexts/{shown['id']}"
    assert owner.get(created["Location"]).json() == owner.get("/api/contexts/support%20desk").json() == shown


def test_context_belongs_to_the_keys_owner_unless_told(owner: Api) -> None:
    assert context(owner)["owner"] == "owner"


def test_taken_name_gets_409_at_making_and_renaming(owner: Api) -> None:
    context(owner, "a")
    context(owner, "b")

    for answer in (owner.post("/api/contexts", {"name": "a"}), change(owner, "/api/contexts/b", {"name": "a"})):
        assert (answer.status_code, answer.json()["code"]) == (409, "CONFLICT")
    assert Context.objects.count() == 2


def test_of_many_at_once_with_one_name_one_succeeds(shared_server: Server) -> None:
    def make() -> int:
        with shared_server.client(shared_server.key) as client:
            return client.post("/api/contexts", json={"name": "contested"}).status_code

    assert sorted(at_once(8, make)) == [201] + [409] * 7


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": None}, "name"),
        ({"name": 7}, "name"),
        ({"name": "a/b"}, "name"),
        ({"name": "a:b"}, "name"),
        ({"name": "x" * 256}, "name"),
        ({"name": "right\u202eleft"}, "name"),
        ({"description": []}, "description"),
        ({"owner": "bell\u0007"}, "owner"),
        ({"tags": {"a": 1}}, "tags"),
        ({"tags": {str(n): "" for n in range(101)}}, "tags"),
        ({"metadata": []}, "metadata"),
        ({"metadata": {"k": "x" * 65_536}}, "metadata"),
        ({"models": ["churn"]}, "models"),
        ({"aliases": {}}, "aliases"),
        ({"messages": []}, "messages"),
    ],
)
def test_bad_field_gets_400_that_names_it(owner: Api, wrong: dict[str, Any], field: str) -> None:
    assert errors(owner.post("/api/contexts", {"name": "c", **wrong})) == {field}
    assert not Context.objects.exists()


def test_change_takes_the_etag_of_what_was_read(owner: Api) -> None:
    context(owner)
    read = owner.get("/api/contexts/support")

    assert change(owner, "/api/contexts/support", {"tags": {}}, None).status_code == 428
    changed = change(owner, "/api/contexts/support", {"description": "new"}, read["ETag"])
    late = change(owner, "/api/contexts/support", {"description": "late"}, read["ETag"])

    assert (changed.status_code, late.status_code) == (200, 412)
    assert changed["ETag"] != read["ETag"]
    assert owner.get("/api/contexts/support").json() == changed.json()
    assert owner.get("/api/contexts/support", If_None_Match=changed["ETag"]).status_code == 304
    assert owner.get("/api/contexts/support", If_None_Match=read["ETag"]).status_code == 200


def test_history_tells_who_did_what_and_stays_when_renamed(owner: Api) -> None:
    context(owner)
    version = context_version(owner)
    change(owner, "/api/contexts/support", {"name": "desk"})

    told = owner.get("/api/contexts/desk/history").json()["results"]

    assert [entry["action"] for entry in told] == ["update", "create_version", "create"]
    assert told[0]["changes"] == {"name": ["support", "desk"]}
    assert told[1]["changes"] == {"version": [None, 1], "digest": [None, version["digest"]]}
    assert {entry["actor"] for entry in told} == {f"key:{owner.row.pk}"}


def test_deleting_takes_all_of_it_and_the_owners_or_an_admins_key(owner: Api, admin: Api) -> None:
    context(owner)
    context_version(owner)
    context(admin, "theirs")

    assert owner.delete("/api/contexts/theirs").status_code == 403
    assert owner.delete("/api/contexts/support", If_Match='"0"').status_code == 412
    assert owner.delete("/api/contexts/support").status_code == 204
    assert admin.delete("/api/contexts/theirs").status_code == 204
    assert owner.get("/api/contexts/support/versions/1").status_code == 404
    assert not Context.objects.exists()


def test_reading_key_writes_nothing(owner: Api, teammate: Api) -> None:
    context(owner)
    version = {"messages": [{"role": "user", "template": "x"}]}
    answers = [
        teammate.post("/api/contexts", {"name": "n"}),
        change(teammate, "/api/contexts/support", {"tags": {}}),
        teammate.delete("/api/contexts/support"),
        teammate.post("/api/contexts/support/versions", version),
        teammate("PUT", "/api/contexts/support/aliases/a", {"version": 1}),
    ]

    assert {answer.status_code for answer in answers} == {403}
    assert api("writer", "write").get("/api/contexts/support").status_code == 403


def test_lists_are_filtered_ordered_and_searched(owner: Api) -> None:
    context(owner, "a", tags={"team": "x"}, description="greets people")
    context(owner, "b", tags={"team": "y"}, owner="other")
    context(owner, "c", tags={"team": "y"})

    def names(query: str) -> list[str]:
        return [row["name"] for row in owner.get(f"/api/contexts?{query}").json()["results"]]

    assert names("") == ["c", "b", "a"]
    assert names("order_by=name") == ["a", "b", "c"]
    assert names("filter=tags.team='y'") == ["c", "b"]
    assert names("filter=name LIKE 'a%25'") == ["a"]
    assert names("owner=other") == ["b"]
    assert names("search=greets") == ["a"]
    assert names("search=y") == ["c", "b"]
    assert owner.get("/api/contexts?filter=framework='x'").status_code == 400
    first = owner.get("/api/contexts?limit=2&order_by=name").json()
    assert [row["name"] for row in owner.get(first["next"]).json()["results"]] == ["c"]


def test_bound_key_sees_no_context_of_a_model_that_is_not_on_its_list(owner: Api) -> None:
    bound = api("bound", "read", "write", model_patterns=["churn*"])
    for name in ("churn", "fraud"):
        model(owner, name)
        context(owner, f"for {name}")
    context(owner, "both")
    context(owner, "free")
    context_version(owner, "for churn", models=["churn"])
    context_version(owner, "for fraud", models=["fraud"])
    context_version(owner, "both", models=["churn"])
    assert bound.get("/api/contexts/both").status_code == 200
    context_version(owner, "both", models=["fraud"])

    seen = {row["name"] for row in bound.get("/api/contexts").json()["results"]}
    hidden = [bound.get(f"/api/contexts/both{rest}") for rest in ("", "/versions", "/versions/1", "/history")]
    hidden += [bound.get("/api/contexts/both/diff?from=1&to=2"), bound.get("/api/contexts/both/aliases/latest")]
    hidden += [bound.post("/api/contexts/both/versions/1/render", {}), bound.post("/api/contexts/both/versions", {})]
    hidden += [change(bound, "/api/contexts/both", {"tags": {}}), bound.delete("/api/contexts/both")]
    hidden += [bound("PUT", "/api/contexts/both/aliases/a", {"version": 1})]

    assert seen == {"for churn", "free"}
    assert {answer.status_code for answer in hidden} == {404}
    assert [row["name"] for row in owner.get("/api/contexts?model=fraud").json()["results"]] == ["both", "for fraud"]


def test_reading_and_listing_make_one_query_for_the_view(
    owner: Api, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(20):
        context(owner, f"c{number}")

    for path in ("/api/contexts/c1", "/api/contexts?limit=20", "/api/contexts?limit=1"):
        with django_assert_num_queries(2):
            assert owner.get(path).status_code == 200
