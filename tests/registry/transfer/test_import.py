"""`manage.py registry_import`"""

import gzip
import io
import json
import sys
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from keys.models import APIKey
from mcp_project.audit.models import AuditEntry
from registry.models import ModelVersion, RegisteredModel
from registry.transfer import importer
from tests.support.api import Api
from tests.support.deployments import change
from tests.support.exports import (
    answers,
    export,
    import_,
    imported,
    models,
    parsed,
    refused,
    registry_in_use,
    sealed,
)
from tests.support.resources import model, version

pytestmark = pytest.mark.usefixtures("in_the_tests_transaction")


def test_export_of_what_was_imported_is_the_same_to_the_byte(data: bytes) -> None:
    assert import_(data) == (len(parsed(data)), 0)

    assert export() == data


def test_api_answers_as_it_did(data: bytes, owner: Api) -> None:
    import_(data)

    assert answers(owner) == registry_in_use().answers


def test_next_version_gets_the_next_number_and_everything_goes_on(data: bytes, owner: Api) -> None:
    import_(data)

    assert version(owner, "kept", parents=[{"uri": "models:/kept/3"}])["version"] == 6
    assert owner.post("/api/models/kept/aliases/champion/rollback").json()["version"] == 2
    assert change(owner, "kept-live", description="goes on").json()["revision"] == 5


def test_what_is_there_is_skipped(data: bytes, file: Path) -> None:
    first, again = imported(file, data), imported(file, data)

    assert [line.split() for line in first.splitlines()][:2] == [
        ["kind", "imported", "there", "already"],
        ["model", "2", "0"],
    ]
    assert [line.split()[1] for line in again.splitlines()[1:]] == ["0"] * 10
    assert export() == data


def test_import_adds_to_what_is_there(data: bytes, owner: Api) -> None:
    model(owner, "of this place")

    import_(data)

    assert set(RegisteredModel.objects.values_list("name", flat=True)) == {"base", "kept", "of this place"}


@pytest.mark.parametrize("where", [0.2, 0.5, 0.9])
def test_import_that_met_a_bad_line_goes_on_when_that_is_mended(
    data: bytes, file: Path, monkeypatch: pytest.MonkeyPatch, where: float
) -> None:
    monkeypatch.setattr(importer, "BATCH_LINES", 3)
    lines: list[Any] = parsed(data)
    bad = int(where * len(lines))

    said = refused(file, sealed([*lines[:bad], {**lines[bad], "id": 7}, *lines[bad + 1 :]]))
    after = sum(json.loads(export().splitlines()[0])["counts"].values())
    imported(file, data)

    assert said.startswith(f"Line {bad + 2}: {lines[bad]['kind']}")
    assert after == (bad + 1) // 3 * 3 - 1, "the batches before it stay, and nothing of its own is there"
    assert export() == data


def test_database_that_refuses_a_line_keeps_nothing_of_its_batch(file: Path) -> None:
    lines = models(5)
    lines[3]["name"] = "m1"

    said = refused(file, sealed(lines))

    assert said == f"Line 5: model 'm1' ({lines[3]['id']}): Key (name)=(m1) already exists."
    assert RegisteredModel.objects.count() == 0


def test_more_lines_take_more_batches_and_a_batch_no_more_queries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importer, "BATCH_LINES", 10)

    def queries(lines: list[Any]) -> int:
        with CaptureQueriesContext(connection) as captured:
            import_(sealed(lines))
        return len(captured)

    lines = models(37)  # to each file come its first line and its last
    in_a_batch = queries(lines[:1])
    assert queries(lines[1:9]) == in_a_batch
    assert queries(lines[9:]) == 3 * in_a_batch


def test_name_of_another_model_is_a_conflict(data: bytes, file: Path, owner: Api) -> None:
    model(owner, "kept")
    line = next(n for n, line in enumerate(parsed(data), start=2) if line.get("name") == "kept")

    assert refused(file, data).startswith(f"Line {line}: model 'kept' (")
    assert RegisteredModel.objects.count() == 1


def test_what_was_changed_since_is_a_conflict_that_names_what_differs(data: bytes, file: Path, owner: Api) -> None:
    imported(file, data)
    assert owner("PATCH", "/api/models/base", {"description": "new"}, If_Match="*").status_code == 200

    assert refused(file, data).endswith("it is there already, and differs in: description, updated_at, edition.")
    assert RegisteredModel.objects.get(name="base").description == "new"


def test_one_and_true_are_two_things(data: bytes, file: Path) -> None:
    line = {**models(1)[0], "metadata": {"a": 1}}
    imported(file, sealed([line]))

    assert refused(file, sealed([{**line, "metadata": {"a": True}}])).endswith("differs in: metadata.")


def test_version_without_its_model_is_refused_where_it_stands(data: bytes, file: Path) -> None:
    lines: list[Any] = [line for line in parsed(data) if line["kind"] == "model_version"]

    said = refused(file, sealed(lines))

    assert said.startswith(f"Line 2: model_version ({lines[0]['id']}): Key (model_id)=(")
    assert ModelVersion.objects.count() == 0


def test_file_that_is_not_there_is_told_in_a_sentence(file: Path) -> None:
    with pytest.raises(CommandError, match=r"registry.ndjson: No such file or directory$"):
        call_command("registry_import", str(file))


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_stdin_is_read_also_compressed(
    data: bytes, monkeypatch: pytest.MonkeyPatch, pack: Callable[[bytes], bytes]
) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(pack(data))))

    call_command("registry_import", "-", stdout=StringIO())

    assert export() == data


def test_only_the_registry_and_its_audit_trail_are_written(data: bytes, admin: Api) -> None:
    keys, entries = APIKey.objects.count(), AuditEntry.objects.count()
    lines = [line for line in parsed(data) if line["kind"] == "audit_entry"]

    with CaptureQueriesContext(connection) as captured:
        import_(data)

    written = {query["sql"].split()[1].strip('"') for query in captured if query["sql"].startswith(("COPY", "INSERT"))}
    assert written - {"audit_entry"} == {
        f"registry_{name}"
        for name in (
            "registeredmodel", "modelversion", "parent", "modelaliasmove", "context", "contextversion",
            "contextaliasmove", "deployment", "deploymenttarget", "deploymentrevision",
        )
    }  # fmt: skip
    assert (APIKey.objects.count(), AuditEntry.objects.count()) == (keys, entries + len(lines))
