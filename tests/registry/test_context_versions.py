"""/api/contexts/{context_id}/versions"""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from registry.models import ContextVersion
from tests.support.api import Api, api
from tests.support.resources import TEXT, context, context_version, errors, model
from tests.support.server import Server, at_once

VERSIONS = "/api/contexts/support/versions"
CONTENT = ["messages", "variables", "parameters", "tools", "resources", "output_schema", "models"]
SAY = [{"role": "user", "template": "Hello {{ who }}"}]
FULL: dict[str, Any] = {
    "messages": [
        {"role": "system", "template": "  You help {{who}}.\n"},
        {"role": "developer", "template": ""},
        {"role": "user", "template": "{{question}} {{{{literal}}"},
    ],
    "variables": [
        {"name": "who", "schema": {"type": "string", "pattern": "^[A-Z]"}, "default": "Ann", "description": "customer"},
        {"name": "question", "schema": {}, "default": None},
    ],
    "parameters": {
        "temperature": 0.7, "top_p": 1, "top_k": 40, "max_tokens": 512, "stop": ["\n\n", "END "], "seed": -7,
        "presence_penalty": -2, "frequency_penalty": 1.5, "extra": {"min_p": 0.05},
        "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}},
    },
    "tools": [{"name": "search-1", "description": "finds", "parameters": {"patternProperties": {"(?=a)": {}}}}],
    "resources": [{"uri": "s3://docs/faq.md", "mime_type": "text/markdown", "digest": "sha256:" + "0a" * 32}],
    "output_schema": {"$ref": "https://schemas.example.com/answer"},
    "models": ["churn"],
    "description": "# better",
    "tags": {"stage": "trial"},
}  # fmt: skip


def test_version_is_read_back_as_it_was_sent(owner: Api) -> None:
    model(owner)
    made = context(owner)

    created = owner.post(VERSIONS, FULL)

    assert created.status_code == 201, created.content
    shown = created.json()
    assert shown | FULL == shown
    assert (shown["context"], shown["version"], shown["aliases"]) == ("support", 1, [])
    assert created["Location"] == f"/api/contexts/{made['id']}/versions/1"
    assert owner.get(created["Location"]).json() == shown
    assert owner.get("/api/contexts/support").json()["models"] == ["churn"]


def test_anybody_can_compute_the_digest_again(owner: Api) -> None:
    context(owner)
    numbers = {"extra": {"a": 1.0, "b": 1e15, "c": 0.1, "é": [1e-9, -0.0]}}
    context_version(owner, parameters=numbers)

    shown = owner.get(f"{VERSIONS}/1")

    page = (Path(__file__).resolve().parents[2] / "docs" / "contexts.md").read_text()
    script = page.partition("```python\n")[2].partition("```")[0]
    run = subprocess.run([sys.executable, "-c", script], input=shown.content, capture_output=True, check=True)
    assert run.stdout.decode().strip() == shown.json()["digest"]


def test_digest_is_of_the_content_alone(owner: Api) -> None:
    context(owner)
    one = context_version(owner, parameters={"temperature": 1, "top_p": 0.5}, description="a")
    same = context_version(owner, parameters={"top_p": 0.5, "temperature": 1.0}, tags={"a": "b"})
    other = context_version(owner, parameters={"temperature": 1})

    assert one["digest"] == same["digest"] != other["digest"]


def test_versions_are_never_changed_and_know_their_etag(owner: Api) -> None:
    context(owner)
    context_version(owner)
    read = owner.get(f"{VERSIONS}/1")

    assert owner("PATCH", f"{VERSIONS}/1", {"description": "x"}, If_Match="*").status_code == 405
    assert owner.delete(f"{VERSIONS}/1").status_code == 405
    assert owner.get(f"{VERSIONS}/1", If_None_Match=read["ETag"]).status_code == 304
    assert owner.get(f"{VERSIONS}/2").status_code == owner.get(f"{VERSIONS}/{10**30}").status_code == 404


def test_list_shows_versions_without_their_content(owner: Api) -> None:
    context(owner)
    digests = [context_version(owner, description=text, tags={"n": text})["digest"] for text in "abc"]

    def numbers(query: str) -> list[int]:
        return [row["version"] for row in owner.get(f"{VERSIONS}?{query}").json()["results"]]

    assert not {*CONTENT} & set(owner.get(VERSIONS).json()["results"][0])
    assert numbers("") == [3, 2, 1]
    assert numbers("order_by=version_number ASC&limit=2") == [1, 2]
    assert numbers("filter=version_number > 1 AND tags.n = 'b'") == [2]
    assert numbers(f"digest={digests[0]}") == [3, 2, 1]


def test_sixteen_writers_at_once_get_the_numbers_1_to_16(shared_server: Server) -> None:
    with shared_server.client(shared_server.key) as client:
        assert client.post("/api/contexts", json={"name": "c"}).status_code == 201

    def write() -> int:
        with shared_server.client(shared_server.key) as client:
            version = client.post("/api/contexts/c/versions", json={"messages": SAY, "variables": [TEXT]})
            return int(version.json()["version"])

    assert sorted(at_once(16, write)) == list(range(1, 17))


def test_models_must_exist_and_be_visible(owner: Api) -> None:
    context(owner)
    model(owner, "fraud")
    bound = api("bound", "read", "write", model_patterns=["churn*"])
    body = {"messages": [{"role": "user", "template": ""}]}

    absent = bound.post(VERSIONS, {**body, "models": ["churn-9"]})
    hidden = bound.post(VERSIONS, {**body, "models": ["fraud"]})

    assert errors(absent) == errors(hidden) == {"models"}
    assert not ContextVersion.objects.exists()


LEAF: dict[str, Any] = {"type": "string"}
DEEP: dict[str, Any] = LEAF
for _ in range(40):
    DEEP = {"items": DEEP}


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"messages": None}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": SAY * 201}, "messages"),
        ({"messages": ["text"]}, "messages"),
        ({"messages": [{"role": "root", "template": ""}]}, "messages"),
        ({"messages": [{"role": "user"}]}, "messages"),
        ({"messages": [{"role": "user", "template": 7}]}, "messages"),
        ({"messages": [{"role": "user", "template": "{{other}}"}]}, "messages"),
        ({"messages": [{"role": "user", "template": "{{ who.name }}"}]}, "messages"),
        ({"messages": [{"role": "user", "template": "", "code": ""}]}, "messages"),
        ({"messages": [{"role": "user", "template": "x" * 262_145}]}, "messages"),
        ({"messages": [{"role": "user", "template": "x" * 200_000}] * 2}, "body"),
        ({"variables": {"who": {}}}, "variables"),
        ({"variables": [TEXT, TEXT]}, "variables"),
        ({"variables": [{"name": "who"}]}, "variables"),
        ({"variables": [{**TEXT, "name": "who.am"}]}, "variables"),
        ({"variables": [{**TEXT, "name": "wh\u00f6"}]}, "variables"),
        ({"variables": [{**TEXT, "default": 7}]}, "variables"),
        ({"variables": [{**TEXT, "type": "string"}]}, "variables"),
        ({"variables": [{"name": "who", "schema": {"type": "strnig"}}]}, "variables"),
        ({"variables": [{"name": "who", "schema": []}]}, "variables"),
        ({"variables": [{"name": "who", "schema": {"$ref": "http://127.0.0.1/"}}]}, "variables"),
        ({"variables": [{"name": "who", "schema": {"$ref": "file:///etc/passwd"}}]}, "variables"),
        ({"variables": [{"name": "who", "schema": {"$ref": "#/$defs/absent"}}]}, "variables"),
        ({"variables": [{"name": "who", "schema": {"$ref": "#"}, "default": 1}]}, "variables"),
        ({"variables": [{"name": "who", "schema": {"pattern": r"(a)\1"}}]}, "variables"),
        ({"variables": [{"name": "who", "schema": {"patternProperties": {"a": {}}}}]}, "variables"),
        ({"variables": [{"name": "who", "schema": {"not": {"unevaluatedItems": False}}}]}, "variables"),
        ({"variables": [{"name": "who", "schema": {"$id": "http://a.example"}}]}, "variables"),
        ({"variables": [{"name": "who", "schema": {"const": 2**53}}]}, "variables"),
        ({"parameters": {"temperature": 2.1}}, "parameters"),
        ({"parameters": {"temperature": "0.7"}}, "parameters"),
        ({"parameters": {"temperature": True}}, "parameters"),
        ({"parameters": {"top_p": -0.1}}, "parameters"),
        ({"parameters": {"max_tokens": 0}}, "parameters"),
        ({"parameters": {"max_tokens": 1.5}}, "parameters"),
        ({"parameters": {"stop": "END"}}, "parameters"),
        ({"parameters": {"stop": ["x"] * 17}}, "parameters"),
        ({"parameters": {"stop": [""]}}, "parameters"),
        ({"parameters": {"seed": 2**53}}, "parameters"),
        ({"parameters": {"presence_penalty": 3}}, "parameters"),
        ({"parameters": {"response_format": {"type": "xml"}}}, "parameters"),
        ({"parameters": {"response_format": {"type": "json_schema"}}}, "parameters"),
        ({"parameters": {"temprature": 1}}, "parameters"),
        ({"parameters": {"extra": {"k": "x" * 16_384}}}, "parameters"),
        ({"parameters": {"extra": {"k": 10**20}}}, "parameters"),
        ({"parameters": {"extra": {"k": 10**400}}}, "parameters"),
        ({"tools": [{"name": "a b"}]}, "tools"),
        ({"tools": [{"name": "a" * 65}]}, "tools"),
        ({"tools": [{"name": "a"}, {"name": "a"}]}, "tools"),
        ({"tools": [{"name": "a", "parameters": {"type": 1}}]}, "tools"),
        ({"tools": [{"name": "a", "parameters": {"required": [[n] if n % 2 else n for n in range(9_000)]}}]}, "tools"),
        ({"resources": [{"uri": "file:///etc/passwd"}]}, "resources"),
        ({"resources": [{"uri": "javascript:alert(1)"}]}, "resources"),
        ({"resources": [{"uri": "s3://a/../b"}]}, "resources"),
        ({"resources": [{"uri": "s3://a", "mime_type": "text"}]}, "resources"),
        ({"resources": [{"uri": "s3://a", "digest": "md5:0"}]}, "resources"),
        ({"resources": [{"uri": "s3://a"}, {"uri": "s3://a"}]}, "resources"),
        ({"output_schema": {"type": "strnig"}}, "output_schema"),
        ({"output_schema": True}, "output_schema"),
        ({"models": ["absent"]}, "models"),
        ({"models": "churn"}, "models"),
        ({"models": ["m", "m"]}, "models"),
        ({"digest": "sha256:" + "0" * 64}, "digest"),
        ({"tags": {"a": 1}}, "tags"),
        ({"mesages": []}, "mesages"),
    ],
)
def test_bad_field_gets_400_that_names_it(owner: Api, wrong: dict[str, Any], field: str) -> None:
    context(owner)

    assert errors(owner.post(VERSIONS, {"messages": SAY, "variables": [TEXT], **wrong})) == {field}
    assert not ContextVersion.objects.exists()
    assert owner.get("/api/contexts/support").json()["latest_version"] is None


def test_unknown_parameter_is_told_the_known_ones(owner: Api) -> None:
    context(owner)

    [error] = owner.post(VERSIONS, {"messages": [], "parameters": {"heat": 1}}).json()["errors"][1:]

    assert error["field"] == "parameters.heat"
    assert "temperature" in error["detail"]
    assert "`extra`" in error["detail"]


def test_json_too_deep_gets_400(owner: Api) -> None:
    context(owner)

    response = owner.post(VERSIONS, {"messages": SAY, "variables": [{"name": "who", "schema": DEEP}]})

    assert (response.status_code, response.json()["code"]) == (400, "MALFORMED_JSON")
    assert response.json()["detail"].startswith("In 'variables': The JSON is nested more than 32")
