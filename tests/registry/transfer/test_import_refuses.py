"""`manage.py registry_import` refuses files that are not whole, and lines that are not valid."""

import gzip
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from registry.canonical import canonical, digest
from registry.models import RegisteredModel
from registry.transfer import files
from tests.support.exports import (
    Line,
    changed,
    models,
    parsed,
    refused,
    sealed,
)

pytestmark = pytest.mark.usefixtures("in_the_tests_transaction")


WRONG: dict[str, tuple[str, Callable[[Line], Any] | Line, str]] = {
    "name": ("model", {"name": "a/b"}, "name: A name holds neither"),
    "no name": ("model", {"name": ""}, "name: it is empty"),
    "long name": ("model", {"name": "x" * 256}, "name: Ensure this value has at most 255 characters"),
    "name in two lines": ("model", {"name": "a\nb"}, "name: Control and invisible characters"),
    "id": ("model", {"id": "7"}, "id: “7” is not a valid UUID"),
    "unknown field": ("model", {"colour": "red"}, "unknown: colour"),
    "missing field": ("model", lambda line: line.pop("tags"), "missing: tags"),
    "null": ("model", {"owner": None}, "owner: str is wanted, not NoneType"),
    "number for text": ("model", {"owner": 7}, "owner: str is wanted, not int"),
    "text for a number": ("model", {"edition": "7"}, "edition: int is wanted, not str"),
    "true for a number": ("model", {"edition": True}, "edition: int is wanted, not bool"),
    "fraction": ("model", {"edition": 1.5}, "edition: int is wanted, not float"),
    "huge number": ("model", {"edition": 2**31}, "edition: Ensure this value is less than or equal to 2147483647"),
    "time without an offset": ("model", {"created_at": "2026-01-31T12:00:00"}, "created_at: a time with its offset"),
    "time before the first": ("model", {"created_at": "0001-01-01T00:00:00+14:00"}, "created_at: a time with"),
    "no time": ("model", {"created_at": "yesterday"}, "created_at: a time with its offset"),
    "tags": ("model", {"tags": {"a": 1}}, "tags: A tag's value is a string"),
    "list for tags": ("model", {"tags": ["a"]}, "tags: dict is wanted, not list"),
    "NUL": ("model", {"description": "a\0b"}, "description: A string holds a NUL"),
    "NUL within": ("model", {"metadata": {"a": ["\0"]}}, "metadata: A string holds a NUL"),
    "aliases": ("model", {"aliases": {"champion": "1"}}, "aliases: each names the number of a version"),
    "stage": ("model_version", {"stage": "Best"}, "stage: one of None, Staging, Production, Archived is wanted"),
    "source": ("model_version", {"source": "file:///etc/passwd"}, "source: A URI is wanted"),
    "signature": ("model_version", {"signature": {"inputs": {"type": 7}}}, "signature: "),
    "context's models": ("context", {"models": [1]}, "models: a list of strings is wanted"),
    "seal of a context's version": ("context_version", {"parameters": {"seed": 1}}, "the seal is broken"),
    "endpoint": ("deployment", {"endpoint": "http://10.0.0.1/"}, "endpoint: "),
    "seal of a deployment": ("deployment", {"owner": "eve"}, "the seal is broken"),
    "targets": ("deployment", {"pinned_targets": 7}, "pinned_targets: a list is wanted"),
    "target": ("deployment", {"pinned_targets": [7]}, "a JSON object is wanted"),
    "seal of a target": ("deployment", lambda line: line["pinned_targets"].pop(), "the seal is broken"),
    "revision": ("deployment_revision", {"content": "{"}, "content: it is not canonical JSON"),
    "deep revision": ("deployment_revision", {"content": "[" * 200_000}, "content: it is not canonical JSON"),
    "seal of a revision": ("deployment_revision", {"digest": "sha256:" + "0" * 64}, "the seal is broken"),
    "content": ("deployment_revision", {"content": "7", "digest": digest(7)}, "content: it is not that of a deploy"),
    "entry about a key": ("audit_entry", {"object_type": "apikey"}, "object_type: one of"),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "change", "told"), WRONG.values(), ids=WRONG)
def test_row_that_the_api_would_not_have_made_is_refused(
    data: bytes, file: Path, kind: str, change: Callable[[Line], Any] | Line, told: str
) -> None:
    number = next(n for n, line in enumerate(parsed(data), start=2) if line["kind"] == kind)

    said = refused(file, changed(data, kind, change))

    assert said.startswith(f"Line {number}: {kind}"), said
    assert f": {told}" in said


def test_content_that_could_not_be_rendered_is_refused_though_its_digest_is_right(data: bytes, file: Path) -> None:
    def spoil(line: Line) -> None:
        line["messages"] = [{"role": "system"}]
        names = ("messages", "variables", "parameters", "tools", "resources", "output_schema", "models")
        line["digest"] = digest({name: line[name] for name in names})

    assert "): messages" in refused(file, changed(data, "context_version", spoil))


HOSTILE: dict[str, tuple[bytes, str]] = {
    "text": (b"hello", "is not JSON in UTF-8."),
    "Latin-1": ('{"kind": "é"}'.encode("latin-1"), "is not JSON in UTF-8."),
    "NaN": (b'{"kind": "model", "edition": NaN}', "is not JSON in UTF-8."),
    "many digits": (b'{"kind": "model", "edition": ' + b"9" * 5_000 + b"}", "is not JSON in UTF-8."),
    "many levels": (b"[" * 200_000, "The JSON is nested more than 32 levels deep."),
    "list": (b"[1]", "there is no kind None"),
    "nothing": (b"{}", "there is no kind None"),
    "kind that is none": (b'{"kind": "apikey"}', "there is no kind 'apikey'"),
    "kind that is a list": (b'{"kind": ["model"]}', "there is no kind ['model']"),
    "empty line": (b"", "is not JSON in UTF-8."),
}


@pytest.mark.parametrize(("line", "told"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_line_is_told_in_a_sentence(file: Path, line: bytes, told: str) -> None:
    said = refused(file, sealed([*models(1), line]))

    assert said.startswith("Line 3")
    assert told in said
    assert RegisteredModel.objects.count() == 0


def test_a_hundred_levels_and_what_postgresql_cannot_hold_are_refused(file: Path) -> None:
    deep: Any = {}
    for _ in range(100):
        deep = {"a": deep}
    line = models(1)[0]

    assert "nested more than 32 levels" in refused(file, sealed([{**line, "metadata": deep}]))
    half = canonical({**line, "description": "HALF"}).replace(b"HALF", rb"\ud800")
    assert "half of a surrogate pair" in refused(file, sealed([half]))
    huge = canonical({**line, "metadata": {"a": "HUGE"}}).replace(b'"HUGE"', b"1e999")
    assert "A number is too large" in refused(file, sealed([huge]))


def test_line_without_end_is_not_read_to_its_end(file: Path) -> None:
    said = refused(file, sealed([b" " * (files.MAX_LINE + 1)]))

    assert said == f"Line 2 has more than {files.MAX_LINE} bytes."


def test_any_cut_is_noticed_and_nothing_is_read(data: bytes, file: Path) -> None:
    chance = random.Random(7)
    for _ in range(20):
        assert refused(file, data[: chance.randrange(len(data) - 1)])
        assert refused(file, gzip.compress(data)[: -chance.randrange(1, 1_000)])
    assert RegisteredModel.objects.count() == 0


NOT_WHOLE: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty": (lambda _: b"", "The file is empty."),
    "cut": (
        lambda data: data[: data.rindex(b"\n", 0, -1) + 1],
        "the last one, does not end an export: the file is cut.",
    ),
    "line lost": (lambda data: b"".join(data.splitlines(True)[:3] + data.splitlines(True)[4:]), "their seal is broken"),
    "byte changed": (lambda data: data.replace(b'"owner":"owner"', b'"owner":"0wner"'), "their seal is broken"),
    "two exports": (lambda data: data + data, "their seal is broken"),
    "something else": (lambda data: b'{"kind":"model"}\n' + data, "Line 1: this is no export of a registry."),
    "later format": (lambda data: data.replace(b'"format":1', b'"format":2', 1), "Line 1: the format is 2, and what"),
    "damaged gzip": (lambda data: gzip.compress(data)[:-9] + b"123456789", "damaged or cut"),
}


@pytest.mark.parametrize(("spoil", "told"), NOT_WHOLE.values(), ids=NOT_WHOLE)
def test_file_that_is_not_whole_is_not_read(
    data: bytes, file: Path, spoil: Callable[[bytes], bytes], told: str
) -> None:
    assert told in refused(file, spoil(data))
    assert RegisteredModel.objects.count() == 0
