"""Exports that were written before a column existed are read, and those that cannot be read say why."""

import json
from pathlib import Path
from typing import Any

import pytest

from registry.models import ModelVersion
from registry.transfer.kinds import KINDS
from tests.support.exports import Line, import_, imported, parsed, refused, registry_in_use, sealed

pytestmark = pytest.mark.usefixtures("in_the_tests_transaction")

LATER = {"model": "license", "model_version": "run_link", "context_version": "tags"}


def fields() -> dict[str, list[str]]:
    first: dict[str, Any] = json.loads(registry_in_use().data.splitlines()[0])
    named: dict[str, list[str]] = first["fields"]
    return named


def without(lines: list[Line], kind: str, field: str) -> None:
    for line in lines:
        if line["kind"] == kind:
            del line[field]


def test_first_line_names_the_fields_of_each_kind() -> None:
    assert set(fields()) == {*KINDS, "pinned_targets"}
    for line in parsed(registry_in_use().data):
        assert {*line} == {"kind", *fields()[line["kind"]]}


def test_columns_that_the_export_does_not_have_get_their_defaults() -> None:
    lines, named = parsed(registry_in_use().data), fields()
    for kind, field in LATER.items():
        without(lines, kind, field)
        named[kind].remove(field)

    written, _ = import_(sealed([*lines], fields=named))

    assert written == len(lines)
    assert set(ModelVersion.objects.values_list("run_link", flat=True)) == {""}
    assert import_(sealed([*lines], fields=named)) == (0, len(lines)), "a second import finds everything"


def test_rows_within_a_line_get_defaults_too() -> None:
    line = next(line for line in parsed(registry_in_use().data) if line["kind"] == "deployment")
    for target in line["pinned_targets"]:
        del target["alias"]

    row = KINDS[line.pop("kind")].read(line, {"pinned_targets": {"alias": ""}})

    assert [target["alias"] for target in row["pinned_targets"]] == [""]


def test_field_that_the_first_line_names_is_in_every_line(file: Path) -> None:
    lines = parsed(registry_in_use().data)
    without(lines, "model", "license")

    assert "missing: license" in refused(file, sealed([*lines], fields=fields()))


@pytest.mark.parametrize("field", ["source", "created_at", "id"])
def test_column_without_a_default_cannot_be_left_out(file: Path, field: str) -> None:
    named = fields()
    named["model_version"].remove(field)

    assert refused(file, sealed([], fields=named)) == (
        f"Line 1: the export has no field {field!r} of model_version, and the column has no default."
    )


def test_field_of_a_newer_version_is_named_and_nothing_is_read(file: Path) -> None:
    named = fields()
    named["model"].append("colour")

    said = refused(file, sealed([*parsed(registry_in_use().data)], fields=named))

    assert said.startswith("Line 1: this service does not know the field 'colour' of model.")


@pytest.mark.parametrize("named", [7, {"model": 7}, {"model": [7]}, {"model": None}], ids=str)
def test_first_line_with_fields_of_another_form_is_refused(file: Path, named: Any) -> None:
    assert refused(file, sealed([], fields=named)).startswith("Line 1: ")


def test_export_whose_first_line_names_no_fields_has_all_of_them(file: Path) -> None:
    assert "imported" in imported(file, sealed([*parsed(registry_in_use().data)]))
