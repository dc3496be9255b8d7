"""POST /api/contexts/{context_id}/versions/{version}/render"""

import itertools
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.schemas import mismatch_of
from registry.templates import filled, names_in
from tests.support.api import Api, api
from tests.support.resources import TEXT, context, context_version

RENDER = "/api/contexts/support/versions/1/render"
BRANCHING: dict[str, Any] = {
    "$defs": {
        **{f"a{n}": {"allOf": [{"$ref": f"#/$defs/a{n + 1}"}] * 2} for n in range(30)},
        "a30": {"type": "integer"},
    },
    "$ref": "#/$defs/a0",
}


def make(caller: Api, *templates: str, variables: Any = (TEXT,)) -> None:
    context(caller)
    context_version(caller, messages=[{"role": "user", "template": text} for text in templates], variables=[*variables])


def rendered(caller: Api, **values: Any) -> list[str]:
    response = caller.post(RENDER, {"variables": values})
    assert response.status_code == 200, response.content
    return [message["content"] for message in response.json()["messages"]]


def wrong(caller: Api, values: Any) -> dict[str, str]:
    response = caller.post(RENDER, {"variables": values})
    assert response.status_code == 400, response.content
    return {error["field"]: error["code"] for error in response.json()["errors"]}


def test_reading_key_gets_the_messages_filled_in(owner: Api, teammate: Api) -> None:
    context(owner)
    made = context_version(owner)

    assert teammate.post(RENDER, {"variables": {"who": "Ann"}}).json() == {
        "context": "support",
        "version": 1,
        "digest": made["digest"],
        "messages": [{"role": "system", "content": "Hello Ann"}],
    }
    assert api("writer", "write").post(RENDER, {"variables": {"who": "Ann"}}).status_code == 403


@pytest.mark.parametrize(
    ("template", "value", "text"),
    [
        ("{{who}}{{ who }}{{  who}}", "a", "aaa"),
        ("{ {who} }}", "a", "{ {who} }}"),
        ("{{{{who}}", "a", "{{who}}"),
        ("{{{{{{who}}", "a", "{{a"),
        ("{{{{{{{{", "a", "{{{{"),
        ("{{who}}}}", "a", "a}}"),
        ("{{who}}", "{{who}}", "{{who}}"),
        ("{{who}}{{who}}", "}}{{", "}}{{}}{{"),
        ("{{who}}", "{{{{", "{{{{"),
        ("{{who}}", r"\1\g<0>%s{0}$x", r"\1\g<0>%s{0}$x"),
        ("%(who)s {who} $who ${who} {% who %} <%= who %>", "a", "%(who)s {who} $who ${who} {% who %} <%= who %>"),
        ("{# {{who}} #}", "a", "{# a #}"),
        ("zwölf {{who}} 長\n", "é\u0301", "zwölf é\u0301 長\n"),
    ],
)
def test_template_substitutes_and_does_nothing_else(owner: Api, template: str, value: str, text: str) -> None:
    make(owner, template)

    assert rendered(owner, who=value) == [text]


@pytest.mark.parametrize(
    "template",
    [
        "{{}}", "{{ }}", "{{", "{{who", "{{who}", "{{who }", "{{{who}}}", "{{who.name}}", "{{who.__class__}}",
        "{{who[0]}}", "{{who|upper}}", "{{who()}}", "{{1+1}}", "{{'a'}}", "{{who who}}", "{{wh\u043e}}", "{{who\n}}",
        "{{#if who}}{{/if}}", "{{!who}}", "{{&who}}", "{{>who}}", "{{who:>9999999999}}", "{{who!r}}", "{{{{{{",
        "{{" * 50_001, "{{ " + " " * 100_000 + "who}}", "{{" + "a" * 100_000 + "}}",
    ],
)  # fmt: skip
def test_template_with_anything_else_in_braces_is_refused(owner: Api, template: str) -> None:
    context(owner)
    body = {"messages": [{"role": "user", "template": template}], "variables": [TEXT]}

    response = owner.post("/api/contexts/support/versions", body)

    assert response.status_code == 400
    assert [error["field"] for error in response.json()["errors"]] == ["messages.0.template"]


@given(st.text("{} aw\n", max_size=30))
def test_any_text_with_its_braces_doubled_is_rendered_as_itself(text: str) -> None:
    template = text.replace("{{", "{{{{")

    assert names_in(template) == set()
    assert filled([template], {}, 1_000) == [text]


@pytest.mark.parametrize(
    ("schema", "value", "text"),
    [
        ({"type": "integer"}, 3, "3"),
        ({"type": "number"}, 1.0, "1"),
        ({"type": "boolean"}, True, "true"),
        ({"type": "null"}, None, "null"),
        ({"type": "object"}, {"b": [1, "é"], "a": None}, '{"a":null,"b":[1,"é"]}'),
        ({"type": "array", "items": {"$ref": "#/$defs/n"}, "$defs": {"n": {"type": "integer"}}}, [1, 2], "[1,2]"),
        ({"$defs": {"t": {"items": {"$ref": "#/$defs/t"}}}, "$ref": "#/$defs/t"}, [[], [[]]], "[[],[[]]]"),
        ({"pattern": "^(ab|c)+$", "format": "date", "enum": ["abc"]}, "abc", "abc"),
        ({}, "", ""),
    ],
)
def test_other_values_are_rendered_as_canonical_json(owner: Api, schema: Any, value: Any, text: str) -> None:
    make(owner, "{{x}}", variables=[{"name": "x", "schema": schema}])

    assert rendered(owner, x=value) == [text]


def test_default_applies_where_no_value_is_sent(owner: Api) -> None:
    other = {"name": "n", "schema": {"type": ["integer", "null"]}, "default": None}
    make(owner, "{{who}}", "{{n}}", variables=[{**TEXT, "default": "Ann"}, other])

    assert [message["content"] for message in owner.post(RENDER, {}).json()["messages"]] == ["Ann", "null"]
    assert rendered(owner, who="Bob", n=7) == ["Bob", "7"]


def test_each_wrong_variable_is_named(owner: Api) -> None:
    make(owner, "{{who}}{{n}}", variables=[TEXT, {"name": "n", "schema": {"maximum": 3, "type": "integer"}}])

    assert wrong(owner, {}) == {"variables.who": "missing", "variables.n": "missing"}
    assert wrong(owner, {"who": 7, "n": 4}) == {"variables.who": "invalid_value", "variables.n": "invalid_value"}
    assert wrong(owner, {"who": None, "n": True}) == {"variables.who": "invalid_value", "variables.n": "invalid_value"}
    assert wrong(owner, {"who": "a", "n": 1, "extra": 1}) == {"variables.extra": "unknown"}
    assert set(wrong(owner, [])) == {"variables"}
    assert set(wrong(owner, "text")) == {"variables"}
    assert owner.post(RENDER, {"variables": {"who": "a", "n": 1}, "format": "x"}).status_code == 400


def test_unknown_variable_is_named_also_where_it_begins_as_a_known_one(owner: Api) -> None:
    name = "a" * 64
    make(owner, "", variables=[{"name": name, "schema": {}, "default": "x"}])

    assert wrong(owner, {name + "b": 1}) == {f"variables.{name}b": "unknown"}


@pytest.mark.parametrize(
    ("schema", "value", "code"),
    [
        ({"pattern": "(a+)+$"}, "a" * 30 + "!", "invalid_value"),
        ({"pattern": "^(a|a)*$"}, "a" * 200_000 + "!", "invalid_value"),
        ({"pattern": "(a?){200}a{200}$"}, "a" * 199, "invalid_value"),
        ({"pattern": "(.*a){20}$"}, "a" * 200_000 + "!", "invalid_value"),
        ({"$ref": "#"}, 1, "too_much"),
        ({"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}, 1, "too_much"),
        (BRANCHING, 1, "too_much"),
        ({"uniqueItems": True}, [*([n] if n % 2 else n for n in range(20_000)), 0], "invalid_value"),
        ({"allOf": [{"items": {}}] * 2_000}, [0] * 50_000, "too_much"),
        ({"anyOf": [{"type": "string"}] * 2_000}, [[[0] * 50_000]], "too_much"),
        ({"allOf": [{"uniqueItems": True}] * 900}, [*range(1_000)], "too_much"),
        ({"items": {"pattern": "(a?){450}(b?){450}$"}}, ["ab" * 5_000] * 20, "too_much"),
        ({"multipleOf": 0.1}, 10**400, "invalid_schema"),
        ({"$schema": "http://json-schema.org/draft-07/schema#", "pattern": "(a+)+$"}, "a" * 40 + "!", "invalid_value"),
    ],
)
def test_schema_cannot_keep_the_service_busy(owner: Api, schema: Any, value: Any, code: str) -> None:
    make(owner, "{{x}}", variables=[{"name": "x", "schema": schema}])

    assert wrong(owner, {"x": value}) == {"variables.x": code}


@pytest.mark.parametrize("keyword", ["anyOf", "oneOf"])
def test_mismatches_are_not_kept_in_memory(keyword: str) -> None:
    schema = {keyword: [{"type": "integer"}] * 500}
    tracemalloc.start()
    try:
        assert mismatch_of(schema, "\U000e0001" * 20_000) is not None  # ten characters for each place
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


def test_number_of_alternatives_that_hold_is_told(owner: Api) -> None:
    make(owner, "{{x}}", variables=[{"name": "x", "schema": {"oneOf": [{"minimum": 1}, {"minimum": 2}]}}])

    assert rendered(owner, x=1) == ["1"]
    assert "valid under 0 of" in owner.post(RENDER, {"variables": {"x": 0}}).json()["errors"][0]["detail"]
    assert "valid under 2 of" in owner.post(RENDER, {"variables": {"x": 2}}).json()["errors"][0]["detail"]


def test_default_is_bounded_as_a_value_is(owner: Api) -> None:
    value, variable = [0] * 1_000, {"name": "x", "schema": {"allOf": [{"items": {"type": "integer"}}] * 120}}
    make(owner, "{{x}}", variables=[variable])

    assert wrong(owner, {"x": value}) == {"variables.x": "too_much"}
    body = {"messages": [{"role": "user", "template": ""}], "variables": [{**variable, "default": value}]}
    assert owner.post("/api/contexts/support/versions", body).status_code == 400


@pytest.mark.parametrize("name", ["output_schema", "variables"])
def test_schema_of_too_many_schemas_is_refused(owner: Api, name: str) -> None:
    context(owner)
    schema: dict[str, Any] = {"allOf": [{}] * 20_000}
    value = schema if name == "output_schema" else [{"name": "x", "schema": schema}]

    response = owner.post("/api/contexts/support/versions", {"messages": [], name: value})

    assert response.status_code == 400
    assert [error["detail"] for error in response.json()["errors"] if "take too long" in error["detail"]]


def test_patterns_that_take_long_to_compile_share_their_bound(owner: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each takes a tenth of a second, by a clock that does not depend on the machine."""
    ticks = itertools.count()
    monkeypatch.setattr("registry.schemas.thread_time", lambda: next(ticks) / 10)
    context(owner)
    slow = [{"name": f"x{n}", "schema": {"pattern": r"\p{L}" * 190 + str(n)}} for n in range(60)]
    response = owner.post("/api/contexts/support/versions", {"messages": [], "variables": slow})

    assert response.status_code == 400
    details = [error["detail"] for error in response.json()["errors"] if error["field"].startswith("variables")]
    assert any("take too long" in detail for detail in details)


def test_subschema_cannot_leave_the_count_by_a_schema_of_its_own(owner: Api) -> None:
    context(owner)
    inner = {"$schema": "http://json-schema.org/draft-07/schema#"}
    body = {"messages": [{"role": "user", "template": ""}], "variables": [{"name": "x", "schema": {"items": inner}}]}

    response = owner.post("/api/contexts/support/versions", body)

    assert response.status_code == 400
    assert "`$schema` stands at a schema's top." in response.content.decode()


def test_schemas_of_one_version_share_their_bound(owner: Api) -> None:
    slow = [{"name": f"x{n}", "schema": BRANCHING} for n in range(30)]
    make(owner, "", variables=slow)

    assert set(wrong(owner, {f"x{n}": 1 for n in range(30)}).values()) == {"too_much"}
    body = {"messages": [{"role": "user", "template": ""}], "variables": [{**one, "default": 1} for one in slow]}
    assert owner.post("/api/contexts/support/versions", body).status_code == 400


def test_small_template_cannot_make_a_huge_text(owner: Api) -> None:
    make(owner, "{{who}}" * 10_000)

    assert wrong(owner, {"who": "x" * 100_000}) == {"variables": "too_large"}


def test_number_that_loses_digits_is_refused(owner: Api) -> None:
    make(owner, "{{x}}", variables=[{"name": "x", "schema": {}}])

    assert wrong(owner, {"x": [2**53]}) == {"variables.x": "invalid_value"}
    assert wrong(owner, {"x": [10**400]}) == {"variables.x": "invalid_value"}


def test_version_that_is_not_there_gets_404(owner: Api) -> None:
    context(owner)

    assert owner.post(RENDER, {}).status_code == owner.post("/api/contexts/no/versions/1/render").status_code == 404
