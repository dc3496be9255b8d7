"""The first line of an export: its format, the fields of its lines, and the number of lines of each kind.

Columns that the export has no fields for get their defaults. FORMAT changes only when the meaning of a field does.
"""

from collections.abc import Iterator
from typing import Any

from django.core.exceptions import ValidationError

from registry.transfer import Unreadable
from registry.transfer.kinds import KINDS, Kind
from registry.transfer.values import Row, default_as_json

FORMAT = 1

Defaults = dict[str, Row]  # kind → field → value, as JSON, for the fields that the lines of the export do not have


def header(counts: dict[str, int]) -> dict[str, Any]:
    """The first line. `counts` has the number of lines of each kind."""
    return {"kind": "registry", "format": FORMAT, "counts": counts, "fields": {**dict(_fields())}}


def read_header(line: Any) -> Defaults:
    """The values of the fields that the lines do not have. Raises Unreadable, also for an export that only another
    version of the service can read."""
    if not isinstance(line, dict) or line.get("kind") != "registry":
        raise Unreadable("Line 1: this is no export of a registry.")
    if line.get("format") != FORMAT:
        raise Unreadable(f"Line 1: the format is {line.get('format')!r:.50}, and what this service reads is {FORMAT}.")
    exported = line.get("fields", {})
    if not isinstance(exported, dict):
        raise Unreadable("Line 1: `fields` is not an object.")
    return {kind.name: _defaults(kind, exported[kind.name]) for kind in _all_kinds() if kind.name in exported}


def _all_kinds() -> Iterator[Kind]:
    for kind in KINDS.values():
        yield kind
        if kind.inner:
            yield kind.inner


def _fields() -> Iterator[tuple[str, list[str]]]:
    for kind in KINDS.values():
        inner = [kind.inner.name] if kind.inner else []
        yield kind.name, [*(field.attname for field in kind.fields), *inner]
        if kind.inner:
            yield kind.inner.name, [field.attname for field in kind.inner.inner_fields]


def _defaults(kind: Kind, exported: Any) -> Row:
    if not isinstance(exported, list) or not all(isinstance(name, str) for name in exported):
        raise Unreadable(f"Line 1: the fields of {kind.name} are not a list of names.")
    names = dict(_fields())[kind.name]
    if unknown := [name for name in exported if name not in names]:
        raise Unreadable(
            f"Line 1: this service does not know the field {unknown[0]!r:.100} of {kind.name}. "
            "A newer version wrote the export: import it with that version, or update this one."
        )
    columns = {field.attname: field for field in kind.fields}
    defaults = {}
    for name in set(names).difference(exported):
        try:
            defaults[name] = default_as_json(columns[name])
        except (KeyError, ValidationError):
            text = f"Line 1: the export has no field {name!r} of {kind.name}, and the column has no default."
            raise Unreadable(text) from None
    return defaults
