"""A key that is bound to models learns nothing of others: hidden resources carry a marker, which no response to such a
key contains."""

from collections.abc import Iterator
from typing import Any

import pytest
from drf_spectacular.generators import SchemaGenerator

from keys.explanation import explain
from keys.principal import Principal
from registry.models import ModelVersion
from tests.support.api import Api, api, drain_own_journal
from tests.support.deployments import body, change, deploy, make_model
from tests.support.resources import context, context_version, version

MARKER = "zebra"
NOTATIONS = [
    f"models:/{MARKER}/1", f"models:/{MARKER}/0001", f"models:/{MARKER}/Production", f"models:/{MARKER}@champion",
    f"MODELS:/{MARKER}/1", f"Models:/{MARKER}@a", "models:/z%65bra/1", "models:/z%2565bra/1", f"models://{MARKER}/1",
    f"models:/{MARKER}/latest", f"models:/{MARKER}", f"models:/churn/{MARKER}/1", f"models:///{MARKER}/2",
    f"models:/{MARKER}@x@y", f"models://host/{MARKER}/1",
]  # fmt: skip
QUERIES = [
    "", "?limit=1", "?search=zebr", "?filter=name LIKE '%25zebr%25'", "?order_by=name", "?format=csv",
    "?group_by=model,owner,route", "?from=1&to=2", "?object_type=deployment", "?object_type=registeredmodel",
]  # fmt: skip


@pytest.fixture
def _filled(owner: Api) -> None:
    """Models, a context and deployments that a key bound to `churn*` sees in part, or not at all."""
    hidden = make_model(MARKER)
    make_model(f"churn-was-{MARKER}")
    owner("PATCH", f"/api/models/churn-was-{MARKER}", {"name": f"{MARKER}-2"}, If_Match="*")
    make_model("churn", champion=1)
    for source in NOTATIONS:
        version(owner, source=source)
    version(owner, parents=[{"uri": f"models:/{MARKER}/1"}])
    context(owner)
    resources = [{"uri": uri} for uri in NOTATIONS]
    context_version(owner, resources=resources)
    context_version(owner, resources=resources[::-1])
    context(owner, f"{MARKER}-context")
    context_version(owner, f"{MARKER}-context", models=[MARKER])
    deploy(owner, {"model": MARKER, "version": 1}, name=f"{MARKER}-live")
    deploy(owner, {"model": MARKER, "version": 1}, name="churn-live")
    change(owner, "churn-live", targets=[{"model": "churn", "version": 1}])
    renamed = make_model(f"{MARKER}-3")
    ModelVersion.objects.filter(model=renamed).update(source="s3://b/m")
    deploy(owner, {"model": renamed.name, "version": 1}, name="churn-renamed")
    owner("PATCH", f"/api/models/{renamed.pk}", {"name": "churn-renamed"}, If_Match="*")
    owner.get(f"/api/models/{hidden.pk}")
    drain_own_journal()


def addresses() -> Iterator[str]:
    """Every readable path of every resource."""
    names = {
        "model_id": ["churn", "churn-renamed", MARKER],
        "context_id": ["support", f"{MARKER}-context"],
        "deployment_id": ["churn-live", "churn-renamed", f"{MARKER}-live"],
        "number": ["1", "2", "5"],
        "alias": ["champion", "latest"],
        "key_id": ["00000000-0000-0000-0000-000000000000"],
    }
    document = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    paths = [path for path, methods in document["paths"].items() if "get" in methods and path.startswith("/api/")]
    for name, values in names.items():
        paths = [
            path.replace(f"{{{name}}}", value)
            for path in paths
            for value in (values if f"{{{name}}}" in path else [""])
        ]
    yield from paths


def shows(answer: Any, path: str) -> bool:
    """Whether the marker is in a response, apart from the path that the response repeats."""
    text = answer.getvalue().decode() + str(dict(answer.items()))
    return MARKER in text and MARKER not in path


@pytest.mark.usefixtures("_filled")
@pytest.mark.parametrize("permissions", [["read"], ["admin"]])
def test_what_is_hidden_is_in_no_answer(permissions: list[str]) -> None:
    bound = api("bound", *permissions, model_patterns=["churn*"], rate_limit="100000/s")
    all_of_it = api("all", "admin")

    paths = [f"{path}{query}" for path in addresses() for query in QUERIES]

    assert any(shows(all_of_it.get(path), path) for path in paths[:200]), "there is something to be hidden"
    assert [path for path in paths if shows(bound.get(path), path)] == []
    found = {
        (path, status) for path in addresses() if MARKER in path and (status := bound.get(path).status_code) != 404
    }
    assert found == set()


@pytest.mark.usefixtures("_filled")
@pytest.mark.parametrize("uri", NOTATIONS)
def test_no_notation_of_a_hidden_model_is_taken_or_found(uri: str) -> None:
    bound = api("bound", "read", "write", model_patterns=["churn*"])
    said = {"messages": [{"role": "user", "template": "Hi"}], "resources": [{"uri": uri}]}

    tried = [
        bound.post("/api/models/churn/versions", {"source": uri}),
        bound.post("/api/models/churn/versions", {"source": "s3://b/m", "parents": [{"uri": uri}]}),
        bound.post("/api/contexts/support/versions", said),
    ]
    found = bound.get(f"/api/models/churn/versions?filter=source_path = '{uri.replace('%', '%25')}'").json()["results"]

    assert [answer.status_code for answer in tried] == [400, 400, 400]
    assert found == []


@pytest.mark.usefixtures("_filled")
def test_notation_of_a_model_on_the_list_is_taken_and_found(owner: Api) -> None:
    bound = api("bound", "read", "write", model_patterns=["churn*"])

    for uri in ("models:/churn/1", "Models:/churn@champion", "models:/churn-9/Production"):
        assert version(bound, source=uri)["source"] == uri
        found = bound.get(f"/api/models/churn/versions?filter=source_path = '{uri}'").json()["results"]
        assert [one["source"] for one in found] == [uri]


@pytest.mark.usefixtures("_filled")
@pytest.mark.parametrize("kind", ["models", "contexts", "deployments"])
def test_taken_name_is_refused_as_a_free_one_that_is_not_on_the_list(owner: Api, kind: str) -> None:
    bound = api("bound", "read", "write", model_patterns=["churn"])
    taken = {"models": MARKER, "contexts": f"{MARKER}-context", "deployments": f"{MARKER}-live"}[kind]
    fields = body() if kind == "deployments" else {}

    def answered(name: str) -> tuple[int, Any]:
        answer = bound.post(f"/api/{kind}", {**fields, "name": name})
        return answer.status_code, answer.json().get("detail")

    assert answered(taken) == answered("free") == answered(f"free-{MARKER}")
    assert answered(taken)[0] == 404


@pytest.mark.usefixtures("_filled")
@pytest.mark.parametrize(("path", "taken"), [("/api/contexts", "context"), ("/api/deployments", "live")])
def test_so_it_is_where_something_is_renamed(owner: Api, path: str, taken: str) -> None:
    bound = api("owner", "read", "write", model_patterns=["churn"])
    named = owner.get(f"{path}/{'support' if taken == 'context' else 'churn-live'}").json()
    one = f"{path}/{named['id']}"

    for name in (f"{MARKER}-{taken}", "free"):
        assert bound("PATCH", one, {"name": name}, If_Match="*").status_code == 404
    for name in ("churn", "churn-2", "churn.v2", "churn_b"):
        assert bound("PATCH", one, {"name": name}, If_Match="*").status_code == 200


def test_name_that_something_hidden_took_from_the_list_is_refused_as_one_that_is_not_on_it(owner: Api) -> None:
    make_model("churn")
    make_model(MARKER)
    deploy(owner, {"model": MARKER, "version": 1}, name="churn-live")
    bound = api("bound", "read", "write", model_patterns=["churn"])

    refused = [bound.post("/api/deployments", body(name=name)) for name in ("churn-live", "other")]

    assert [answer.status_code for answer in refused] == [404, 404]
    assert refused[0].json()["detail"] == refused[1].json()["detail"]


@pytest.mark.parametrize(
    ("path", "sent"), [("/api/models", {"name": "churn-1"}), ("/api/models/churn/versions", {"source": "s3://b/m"})]
)
def test_answer_is_not_repeated_once_its_subject_is_hidden(owner: Api, path: str, sent: dict[str, str]) -> None:
    model = make_model("churn")
    bound = api("bound", "read", "write", model_patterns=["churn*"])
    first = bound.post(path.replace("churn", str(model.pk)), sent, Idempotency_Key="k")
    repeat = bound.post(path.replace("churn", str(model.pk)), sent, Idempotency_Key="k")
    assert (first.status_code, repeat.status_code, repeat["Idempotency-Replayed"]) == (201, 201, "true")

    for name in ("churn", "churn-1"):
        owner("PATCH", f"/api/models/{name}", {"name": f"{MARKER}-{name}"}, If_Match="*")
    hidden = bound.post(path.replace("churn", str(model.pk)), sent, Idempotency_Key="k")

    assert (hidden.status_code, hidden.json()["code"]) == (404, "NOT_FOUND")


@pytest.mark.usefixtures("_filled")
def test_explain_says_what_each_request_gets() -> None:
    bound = api("bound", "read", model_patterns=["churn*"], rate_limit="100000/s")
    paths = [path for path in addresses() if "/explain" not in path]

    wrong = []
    for path in [*paths, "/api/models/churn/versions/77", "/api/contexts/support/versions/77"]:
        told = explain(Principal.of(bound.row), "GET", path, None)
        status = bound.get(path).status_code
        if (told["status"] or 200) != status:
            wrong.append((path, told["status"], status))
    assert wrong == []


@pytest.mark.usefixtures("_filled")
def test_bound_admin_still_sees_what_was_done_to_keys_and_to_its_models(admin: Api) -> None:
    bound = api("bound", "admin", model_patterns=["churn*"])

    kinds = {entry["object_type"] for entry in bound.get("/api/audit?limit=1000").json()["results"]}
    models = bound.get("/api/usage?group_by=model").json()["groups"]

    assert {"apikey", "registeredmodel", "context", "deployment"} <= kinds
    assert {group["model_name"] for group in models} == {None, "churn", "churn-renamed"}
    assert len(admin.get("/api/usage?group_by=model").json()["groups"]) > len(models)
