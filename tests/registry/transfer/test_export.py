"""`manage.py registry_export`"""

import errno
import gzip
import hashlib
import json
import os
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from registry.models import RegisteredModel
from registry.transfer import exporter
from registry.transfer.kinds import KINDS
from tests.support.deployments import make_model
from tests.support.exports import export, parsed, registry_in_use

pytestmark = pytest.mark.usefixtures("in_the_tests_transaction")


def test_first_line_tells_what_is_in_it_and_the_last_one_that_it_is_whole() -> None:
    *lines, last = registry_in_use().data.splitlines(keepends=True)
    first = json.loads(lines[0])

    assert (first["kind"], first["format"]) == ("registry", 1)
    assert sum(first["counts"].values()) == len(lines) - 1
    assert {kind: count for kind, count in first["counts"].items() if not count} == {}
    assert json.loads(last) == {
        "kind": "end",
        "lines": len(lines),
        "sha256": hashlib.sha256(b"".join(lines)).hexdigest(),
    }


def test_each_kind_of_line_has_the_fields_that_the_documentation_names() -> None:
    """A new column needs a default, or exports that lack it cannot be imported."""
    documented: dict[str, set[str]] = {}
    for row in Path("docs/registry_export.md").read_text().splitlines():
        if row.startswith("| `"):
            kind, names = row.strip("| ").split(" | ")
            documented[kind.strip("`")] = set(names.replace("`", "").split(", "))

    assert documented == {
        **{name: set(line) - {"kind"} for line in parsed(registry_in_use().data) for name in [line["kind"]]},
        "pinned_targets": {name for line in parsed(registry_in_use().data) for name in _target_of(line)},
    }
    assert list(KINDS) == [kind for kind in documented if kind != "pinned_targets"]


def _target_of(line: dict[str, Any]) -> dict[str, Any]:
    targets: list[dict[str, Any]] = line.get("pinned_targets") or [{}]
    return targets[0]


def test_what_tells_of_keys_stays_here() -> None:
    entries = [line for line in parsed(registry_in_use().data) if line["kind"] == "audit_entry"]

    assert {entry["object_type"] for entry in entries} == {"registeredmodel", "context", "deployment"}
    assert "gone" in {entry["object_name"] for entry in entries}, "and what is deleted has its entries"


def test_times_are_kept_to_the_microsecond() -> None:
    model = make_model("churn", 0)
    moment = model.created_at.replace(microsecond=123_456)
    RegisteredModel.objects.update(created_at=moment)

    assert parsed(export())[0]["created_at"] == moment.isoformat()


def test_many_rows_take_no_more_queries_than_few() -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            export()
        return len(captured)

    make_model("one", 1)
    few = queries()
    for number in range(20):
        make_model(f"m{number}", 3)

    assert queries() == few


def test_stdout_has_the_lines_and_nothing_else(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    make_model("churn", 2)

    call_command("registry_export")

    out, err = capfdbinary.readouterr()
    assert (out, err) == (export(), b"")


def test_file_has_the_same_and_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    make_model("churn", 2)

    call_command("registry_export", "--output", str(tmp_path / "registry.ndjson"), stdout=(said := StringIO()))

    assert (tmp_path / "registry.ndjson").read_bytes() == export()
    assert (tmp_path / "registry.ndjson").stat().st_mode & 0o777 == 0o600
    assert said.getvalue() == f"Wrote 5 lines to {tmp_path}/registry.ndjson.\n"


def test_name_that_ends_in_gz_is_compressed_to_the_same_bytes_each_time(tmp_path: Path) -> None:
    make_model("churn", 2)

    for name in ("a.gz", "b.gz"):
        call_command("registry_export", "--output", str(tmp_path / name), stdout=StringIO())

    assert gzip.decompress((tmp_path / "a.gz").read_bytes()) == export()
    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()


def test_export_that_breaks_leaves_the_file_of_before_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "registry.ndjson").write_text("of yesterday")
    make_model("churn", 2)
    monkeypatch.setattr(exporter, "as_json", _break)

    with pytest.raises(CommandError, match="No space left on device"):
        call_command("registry_export", "--output", str(tmp_path / "registry.ndjson"))

    assert [path.read_text() for path in tmp_path.glob("*registry*")] == ["of yesterday"]


def _break(row: dict[str, Any]) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_folder_that_is_not_there_is_told_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"nowhere/registry.ndjson: No such file or directory$"):
        call_command("registry_export", "--output", str(tmp_path / "nowhere/registry.ndjson"))
