"""Summaries, descriptions and examples of the OpenAPI document.

They stand apart from the code of the views, in the modules that `settings.API_DOCUMENTATION` names. A module may have:

    OPERATIONS  "GET /api/models" → Operation
    PARAMETERS  "owner" → description; "GET /api/keys owner" where a parameter means something else in one operation
    EXAMPLES    "model_id" → a value of a parameter
    FIELDS      "created_at" → description; "Key.created_at" for one schema, as it is sent and shown; "Key" for the
                schema itself

A parameter or field that is described where it is declared, as by `help_text`, keeps that description.
"""

import re
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any, NamedTuple

from django.conf import settings

SENT = re.compile(r"^(?:Patched)?(\w+?)(?:Request)?$")  # the schema of a resource as it is sent, and its own name
PAGE = re.compile(r"Paginated(\w+)List")


class Operation(NamedTuple):
    """The description of one operation. The examples are JSON, as clients send and receive it."""

    summary: str
    description: str
    request: Any = None
    response: Any = None  # the body of the first successful response, if it has one
    others: Mapping[str, str] = {}  # bodies of other media types, sent or received: "text/csv" → text


def documented(table: str) -> dict[str, Any]:
    """The entries of all modules' tables of this name."""
    modules = [import_module(name) for name in settings.API_DOCUMENTATION]
    return {key: value for module in modules for key, value in getattr(module, table, {}).items()}


def describe_operations(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """One of drf-spectacular's POSTPROCESSING_HOOKS: adds summaries, descriptions and examples of operations."""
    operations, parameters, examples = documented("OPERATIONS"), documented("PARAMETERS"), documented("EXAMPLES")
    for key, operation in operations_of(result):
        for parameter in operation.get("parameters", []):
            _describe_parameter(key, parameter, parameters, examples)
        if key in operations:
            _describe(operation, operations[key])
    return result


def operations_of(document: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each operation of an OpenAPI document with its key, such as "GET /api/models"."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def _describe(operation: dict[str, Any], text: Operation) -> None:
    operation["summary"], operation["description"] = text.summary, text.description
    for content, example in (
        (operation.get("requestBody", {}).get("content", {}), text.request),
        (success_of(operation).get("content", {}), text.response),
    ):
        for media_type, body in content.items():
            shown = text.others.get(media_type, example if media_type == "application/json" else None)
            if shown is not None:
                body["example"] = shown


def success_of(operation: Mapping[str, Any]) -> dict[str, Any]:
    """The operation's first successful response."""
    status = min(status for status in operation["responses"] if status.startswith("2"))
    response: dict[str, Any] = operation["responses"][status]
    return response


def _describe_parameter(
    key: str, parameter: dict[str, Any], texts: Mapping[str, str], examples: Mapping[str, Any]
) -> None:
    name = parameter.get("name", "")
    text = parameter.get("description") or texts.get(f"{key} {name}") or texts.get(name)
    if text:
        parameter["description"] = text
    if name in examples:
        parameter["example"] = examples[name]


def describe_fields(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """One of drf-spectacular's POSTPROCESSING_HOOKS: adds descriptions of schemas and of their fields."""
    texts = documented("FIELDS")
    for name, schema in result["components"]["schemas"].items():
        own = _own_name(name)
        if page := PAGE.fullmatch(name):
            schema["description"] = f"A page of a list of `{page[1]}`."
        elif own in texts:
            schema.setdefault("description", texts[own])
        for field, property_ in schema.get("properties", {}).items():
            text = property_.get("description") or texts.get(f"{own}.{field}") or texts.get(field)
            if text:
                schema["properties"][field] = {**_with_siblings(property_), "description": text}
    return result


def _own_name(schema: str) -> str:
    sent = SENT.fullmatch(schema)
    return sent[1] if sent else schema


def _with_siblings(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema that may have a description: OpenAPI 3.0 ignores what stands beside a `$ref`."""
    return {"allOf": [schema]} if "$ref" in schema else schema
