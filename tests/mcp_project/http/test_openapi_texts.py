"""The texts of the OpenAPI document: every operation, parameter and field is described, and the examples are valid by
its own schemas."""

import inspect
from collections import Counter
from importlib import import_module
from typing import Any

import pytest
from django.conf import settings
from drf_spectacular.generators import EndpointEnumerator, SchemaGenerator
from jsonschema import Draft202012Validator, FormatChecker

from mcp_project.http.documentation import documented, operations_of, success_of

TABLES = ("OPERATIONS", "PARAMETERS", "EXAMPLES", "FIELDS")


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    made: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return made


def as_json_schema(schema: Any) -> Any:
    """An OpenAPI 3.0 schema as JSON Schema, in which an object has only the properties that are described."""
    if isinstance(schema, list):
        return [as_json_schema(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: as_json_schema(part) for name, part in schema.items() if name not in ("nullable", "example")}
    if "$ref" in made:
        made["$ref"] = made["$ref"].replace("#/components/schemas/", "#/$defs/")
    if "properties" in made and made.get("type") == "object":
        made.setdefault("additionalProperties", False)
    return {"anyOf": [made, {"type": "null"}]} if schema.get("nullable") else made


def errors_of(example: Any, schema: dict[str, Any], document: dict[str, Any]) -> list[str]:
    definitions = {name: as_json_schema(part) for name, part in document["components"]["schemas"].items()}
    whole = {"$defs": definitions, **as_json_schema(schema)}
    found = Draft202012Validator(whole, format_checker=FormatChecker()).iter_errors(example)
    return [f"{error.json_path}: {error.message}" for error in found]


def bodies_of(operation: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The media types that the operation takes and answers with, and their bodies."""
    sent = operation.get("requestBody", {}).get("content", {})
    return [*sent.items(), *success_of(operation).get("content", {}).items()]


def test_every_operation_is_documented_and_nothing_else(document: dict[str, Any]) -> None:
    assert {key for key, _ in operations_of(document)} == set(documented("OPERATIONS"))
    assert len(documented("OPERATIONS")) > 60


def test_every_operation_has_a_summary_and_a_description(document: dict[str, Any]) -> None:
    for key, operation in operations_of(document):
        assert 0 < len(operation["summary"]) <= 60, key
        assert operation.get("description", "").endswith("."), key
        assert not operation["summary"].endswith("."), key


def test_no_description_is_a_docstring_of_the_code(document: dict[str, Any]) -> None:
    endpoints = EndpointEnumerator().get_api_endpoints()  # type: ignore[no-untyped-call]
    classes = {each for _, _, _, callback in endpoints for each in callback.cls.__mro__}
    docstrings = {inspect.cleandoc(each.__doc__) for each in classes if each.__doc__}

    assert not docstrings & {operation.get("description") for _, operation in operations_of(document)}


def test_every_body_has_an_example_that_is_valid(document: dict[str, Any]) -> None:
    wrong, validated = {}, 0
    for key, operation in operations_of(document):
        for media_type, body in bodies_of(operation):
            assert "example" in body, (key, media_type)
            if media_type == "application/json":
                validated += 1
                if errors := errors_of(body["example"], body["schema"], document):
                    wrong[key] = errors

    assert wrong == {}
    assert validated > 60


def test_every_parameter_is_described_and_those_of_paths_have_examples(document: dict[str, Any]) -> None:
    shared = document["components"]["parameters"]
    for key, operation in operations_of(document):
        for parameter in operation.get("parameters", []):
            whole = shared[parameter["$ref"].rpartition("/")[2]] if "$ref" in parameter else parameter
            assert whole.get("description"), (key, whole["name"])
            if whole["in"] == "path":
                assert errors_of(whole["example"], whole["schema"], document) == [], (key, whole["name"])


def test_every_schema_and_every_field_is_described(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    bare = {name for name, schema in schemas.items() if not schema.get("description") and name != "NullEnum"}
    bare |= {
        f"{name}.{field}"
        for name, schema in schemas.items()
        for field, property_ in schema.get("properties", {}).items()
        if not property_.get("description")
    }

    assert bare == set()


@pytest.mark.parametrize("table", TABLES)
def test_no_name_is_given_twice(table: str) -> None:
    names = Counter(name for module in settings.API_DOCUMENTATION for name in getattr(import_module(module), table, {}))

    assert [name for name, count in names.items() if count > 1] == []


def test_no_text_or_example_of_a_parameter_is_left_over(document: dict[str, Any]) -> None:
    shown = [
        (name, parameter.get("description"), parameter.get("example"))
        for key, operation in operations_of(document)
        for parameter in operation.get("parameters", [])
        if "name" in parameter
        for name in (parameter["name"], f"{key} {parameter['name']}")
    ]

    assert set(documented("PARAMETERS").items()) - {(name, text) for name, text, _ in shown} == set()
    assert set(documented("EXAMPLES").items()) - {(name, example) for name, _, example in shown} == set()


def test_no_text_of_a_field_is_left_over(document: dict[str, Any]) -> None:
    shown = set()
    for name, schema in document["components"]["schemas"].items():
        own = name.removeprefix("Patched").removesuffix("Request")
        shown.add((own, schema.get("description")))
        for field, property_ in schema.get("properties", {}).items():
            shown |= {(field, property_["description"]), (f"{own}.{field}", property_["description"])}

    assert set(documented("FIELDS").items()) - shown == set()
