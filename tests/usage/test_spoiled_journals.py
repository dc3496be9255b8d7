"""Journals with unreadable lines, or of another version, do not hold up the drain."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.journals import event, recorded, write
from usage import lines as lines_module
from usage.drain import drain, drain_orphans
from usage.journal import Journal
from usage.lines import UnknownFormat
from usage.models import DrainedJournal
from usage.models import Event as EventRow

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("rubbish", [b"rubbish\n", b"[1, 2]\n", b"{}\n", b"\xff\xfe\n", b"\n", b"null\n"])
def test_unreadable_line_is_dropped_and_the_rest_goes_on(tmp_path: Path, rubbish: bytes) -> None:
    journal, path = write(tmp_path, 1)
    with path.open("ab") as file:
        file.write(rubbish)
    journal.append(tmp_path, event(2))

    drain(path)

    assert recorded() == ["request-1", "request-2"]


@pytest.mark.parametrize(
    "field",
    [
        {"requests": "x"},
        {"owner": None}, {"owner": {"a": 1}}, {"owner": "\ud800"}, {"owner": "a\0"}, {"status": "200"},
        {"time": 1e300}, {"time": float("nan")}, {"time": -1e15}, {"time": 253402300799}, {"status": -1},
        {"units": 2**40},
        {"key_id": "not-a-uuid"}, {"model_id": "x"}, {"duration_us": 10**30}, {"method": "x" * 17},
    ],
    ids=str,
)  # fmt: skip
def test_invalid_line_is_dropped_and_counted_and_the_others_are_stored(tmp_path: Path, field: dict[str, Any]) -> None:
    journal = Journal()
    for each in (event(1), event(2)._replace(**field), event(3)):
        journal.append(tmp_path, each)
    assert journal.path is not None

    drain(journal.path)

    assert recorded() == ["request-1", "request-3"]
    row = DrainedJournal.objects.get()
    assert (row.lines, row.dropped, row.offset) == (3, 1, journal.path.stat().st_size)


def test_journal_of_the_format_before_models_is_read(tmp_path: Path) -> None:
    fields = list(event(1)._replace(units=3, requests=7))
    fields.pop(-2)
    (tmp_path / "old.journal").write_text('{"journal": 1}\n' + json.dumps(fields) + "\n")

    drain(tmp_path / "old.journal")

    [row] = EventRow.objects.all()
    assert (row.request_id, row.model_id, row.units, row.count) == ("request-1", None, 3, 7)


@pytest.mark.parametrize("zeros", [3000, 1000, 999])
def test_gap_that_a_power_cut_has_left_costs_what_is_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, zeros: int
) -> None:
    monkeypatch.setattr(lines_module, "BATCH_BYTES", 1000)
    journal, path = write(tmp_path, 1)
    with path.open("ab") as file:
        file.write(b"\0" * zeros)
    for number in (2, 3, 4):
        journal.append(tmp_path, event(number))
    journal.retire()

    drain_orphans(tmp_path, own=None)

    assert recorded() == ["request-1", "request-3", "request-4"]
    row = DrainedJournal.objects.get()
    assert (row.lines, row.dropped) == (4, 1)


def test_journal_of_a_later_format_is_left_alone_and_holds_up_no_other(tmp_path: Path) -> None:
    later = tmp_path / "0.journal"
    later.write_text('{"journal": 3}\n[]\n')
    journal, path = write(tmp_path, 1)
    journal.retire()

    with pytest.raises(UnknownFormat, match="format 3"):
        drain_orphans(tmp_path, own=None)

    assert recorded() == ["request-1"]
    assert (later.exists(), path.exists()) == (True, False)


@pytest.mark.parametrize("content", [b"", b"\0" * 5000, b"\0" * 5000 + b"\n", b"rubbish\n[1]\n"])
def test_file_that_a_power_cut_has_spoiled_is_cleared_away(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "spoiled.journal"
    path.write_bytes(content)

    drain_orphans(tmp_path, own=None)

    assert recorded() == []
    assert not path.exists()
