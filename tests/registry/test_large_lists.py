"""Lists are bounded in bytes, and leave the large fields out unless `fields` names them."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from mcp_project.http.pagination import PAGE_BYTES
from registry.models import Context, ContextVersion, RegisteredModel
from tests.support.api import Api
from tests.support.deployments import deploy, make_model
from tests.support.large_rows import large_versions, peak_megabytes
from tests.support.resources import errors

PATH = "/api/models/churn/versions"
LARGE = {"description", "metrics", "params", "signature", "parents"}


def pages(caller: Api, path: str) -> Iterator[list[dict[str, Any]]]:
    """Forwards, until there is no next."""
    while path:
        answer = caller.get(path)
        assert answer.status_code == 200, answer.content
        assert len(answer.content) < 2 * PAGE_BYTES
        yield answer.json()["results"]
        path = answer.json()["next"]


def test_page_of_large_versions_takes_little_memory_and_is_a_small_answer(owner: Api) -> None:
    large_versions("churn", 200)

    for fields in ("", "&fields=version,params,metrics,signature,description,parents"):
        path = f"{PATH}?limit=1000{fields}"
        assert peak_megabytes(lambda path=path: owner.get(path)) < 30, path  # type: ignore[misc]
        assert len(owner.get(path).content) < 2 * PAGE_BYTES


def test_list_leaves_out_what_is_large_and_shows_the_fields_that_are_named(owner: Api) -> None:
    make_model("churn", 1)
    whole = owner.get(f"{PATH}/1").json()

    assert owner.get(PATH).json()["results"] == [{name: whole[name] for name in whole if name not in LARGE}]
    assert owner.get(f"{PATH}?fields={','.join(whole)}").json()["results"] == [whole]
    assert owner.get(f"{PATH}?fields=version,params").json()["results"] == [{"version": 1, "params": {}}]


@pytest.mark.parametrize("fields", ["", "version,", "Version", "version;params", "model__owner", "pk", "%00"])
def test_field_that_there_is_not_gets_400(owner: Api, fields: str) -> None:
    make_model("churn", 1)

    assert errors(owner.get(f"{PATH}?fields={fields}")) == {"fields"}


def test_pages_that_end_early_have_every_row_once_in_order_forwards_and_backwards(owner: Api) -> None:
    large_versions("churn", 40)
    path = f"{PATH}?limit=30&fields=version,params,metrics"

    found = list(pages(owner, path))
    assert [row["version"] for page in found for row in page] == list(range(40, 0, -1))
    assert 3 < len(found) < 40
    last = owner.get(path).json()
    while last["next"]:
        last = owner.get(last["next"]).json()
    backwards = [last["results"]]
    while last["previous"]:
        last = owner.get(last["previous"]).json()
        backwards.insert(0, last["results"])
    assert [row["version"] for page in backwards for row in page] == list(range(40, 0, -1))


def test_row_that_is_larger_than_a_page_is_a_page_of_its_own(owner: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mcp_project.http.pagination.PAGE_BYTES", 1000)
    large_versions("churn", 3)

    found = list(pages(owner, f"{PATH}?fields=version,params"))
    assert [[row["version"] for row in page] for page in found] == [[3], [2], [1]]


def test_small_rows_fill_a_page_to_its_limit(owner: Api) -> None:
    RegisteredModel.objects.bulk_create(RegisteredModel(name=f"m{number}", owner="o") for number in range(300))

    answer = owner.get("/api/models?limit=290").json()

    assert len(answer["results"]) == 290
    assert len(owner.get(answer["next"]).json()["results"]) == 10
    assert len(owner.get("/api/models?fields=name,metadata&limit=299").json()["results"]) == 299


@pytest.mark.parametrize("kind", ["models", "contexts", "deployments"])
def test_resources_are_listed_without_description_and_metadata(owner: Api, kind: str) -> None:
    make_model("churn", 1)
    deploy(owner, name="churn", metadata={"a": 1})
    owner.post("/api/contexts", {"name": "churn"})
    whole = owner.get(f"/api/{kind}/churn").json()

    (listed,) = owner.get(f"/api/{kind}").json()["results"]
    assert listed == {name: whole[name] for name in whole if name not in ("description", "metadata")}
    assert owner.get(f"/api/{kind}?fields={','.join(whole)}").json()["results"] == [whole]
    assert owner.get(f"/api/{kind}?fields=name,message").status_code == 400, "which is written only"


def test_large_tags_end_a_page(owner: Api) -> None:
    tags = {str(number): "t" * 5_000 for number in range(13)}
    models = (RegisteredModel(name=f"m{number}", owner="o", tags=tags) for number in range(60))
    RegisteredModel.objects.bulk_create(models)

    found = list(pages(owner, "/api/models?limit=1000"))

    assert len(found) > 3
    assert sum(map(len, found)) == 60


def test_history_and_audit_trail_are_bounded(owner: Api, admin: Api) -> None:
    make_model("churn", 1)
    for number in range(30):
        owner("PATCH", "/api/models/churn", {"description": f"{number}" + "d" * 60_000}, If_Match="*")

    audit = "/api/audit?action=update&limit=1000"
    for caller, path in ((owner, "/api/models/churn/history?limit=1000"), (admin, audit)):
        found = list(pages(caller, path))
        assert len(found) > 2
        assert len({entry["id"] for page in found for entry in page}) == 30


def test_contexts_versions_and_revisions_show_their_content_when_it_is_named(owner: Api) -> None:
    context = Context.objects.create(name="c", owner="owner", last_number=20, latest_version=20)
    messages = [{"role": "user", "template": "x" * 200_000}]
    ContextVersion.objects.bulk_create(
        ContextVersion(context=context, number=number, messages=messages, digest="", created_by="")
        for number in range(1, 21)
    )
    make_model("churn", 1)
    deploy(owner, name="d")

    assert len(owner.get("/api/contexts/c/versions").json()["results"]) == 20
    found = list(pages(owner, "/api/contexts/c/versions?fields=version,messages"))
    assert len(found) > 3
    assert {json.dumps(row["messages"]) for page in found for row in page} == {json.dumps(messages)}
    whole = owner.get("/api/deployments/d/revisions/1").json()
    assert owner.get("/api/deployments/d/revisions?fields=revision,content").json()["results"] == [
        {"revision": 1, "content": whole["content"]}
    ]


def test_comparison_of_deep_values_below_a_long_key_is_cut(owner: Api) -> None:
    make_model("churn", 1)
    deploy(owner, name="d")
    metadata = {"k" * 40_000: {str(number): 0 for number in range(1_500)}}
    owner("PATCH", "/api/deployments/d", {"metadata": metadata}, If_Match="*")
    metadata["k" * 40_000] = {str(number): 1 for number in range(1_500)}
    owner("PATCH", "/api/deployments/d", {"metadata": metadata}, If_Match="*")

    answer = owner.get("/api/deployments/d/diff")

    assert answer.json()["cut"] is True
    assert len(answer.content) < 2 * PAGE_BYTES
    assert owner.get("/api/deployments/d/diff?from=1&to=1").json()["cut"] is False


@pytest.mark.parametrize("page", ["registry/registeredmodel", "registry/modelversion", "audit/auditentry"])
def test_lists_of_the_admin_do_not_read_what_is_large(staff: Client, owner: Api, page: str) -> None:
    large_versions("churn", 100)
    tags = {str(number): "t" * 4_900 for number in range(13)}
    for number in range(100):
        fields = {"name": f"m{number}", "description": "d" * 60_000, "tags": tags, "metadata": {"m": "m" * 60_000}}
        assert owner.post("/api/models", fields).status_code == 201
    staff.get(f"/admin/{page}/")  # now the templates are loaded

    answers: list[Any] = []
    assert peak_megabytes(lambda: answers.append(staff.get(f"/admin/{page}/"))) < 12
    assert answers[0].status_code == 200
