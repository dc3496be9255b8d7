"""From the journals into the ledger, exactly once."""

import fcntl
import json
import os
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError

from tests.support.journals import event, recorded, write
from usage import drain as drain_module
from usage import lines as lines_module
from usage.drain import drain, drain_orphans
from usage.journal import HEADER, Journal
from usage.models import DrainedJournal
from usage.models import Event as EventRow

pytestmark = pytest.mark.django_db


def test_draining_again_adds_nothing(tmp_path: Path) -> None:
    journal, path = write(tmp_path, 1, 2)

    assert drain(path) == path.stat().st_size
    assert drain(path) == path.stat().st_size
    journal.append(tmp_path, event(3))
    drain(path)

    assert recorded() == ["request-1", "request-2", "request-3"]
    assert EventRow.objects.first().time.timestamp() == 1_700_000_003.5  # type: ignore[union-attr]


def test_nothing_is_asked_of_the_database_when_nothing_is_new(tmp_path: Path, django_assert_num_queries: Any) -> None:
    _, path = write(tmp_path, 1)
    offset = drain(path)

    with django_assert_num_queries(0):
        assert drain(path, offset) == offset


def test_failure_between_rows_and_offset_leaves_neither(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, path = write(tmp_path, 1)

    def fail(*_: Any, **__: Any) -> None:
        raise DatabaseError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(DrainedJournal, "save", fail)
        with pytest.raises(DatabaseError):
            drain(path)
    assert recorded() == []

    drain(path)
    assert recorded() == ["request-1"]


def test_journal_longer_than_a_batch_is_drained_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines_module, "BATCH_BYTES", 500)
    _, path = write(tmp_path, *range(50))

    drain(path)

    assert recorded() == [f"request-{number}" for number in range(50)]


def test_torn_last_line_waits_for_its_end(tmp_path: Path) -> None:
    _, path = write(tmp_path, 1)
    line = json.dumps(event(2)).encode() + b"\n"
    with path.open("ab") as file:
        file.write(line[:20])
        file.flush()
        drain(path)
        assert recorded() == ["request-1"]
        file.write(line[20:])

    drain(path)
    assert recorded() == ["request-1", "request-2"]


def test_journal_that_cannot_be_opened_holds_up_no_other(tmp_path: Path) -> None:
    (tmp_path / "0.journal").mkdir()
    journal, path = write(tmp_path, 1)
    journal.retire()

    with pytest.raises(IsADirectoryError):
        drain_orphans(tmp_path, own=None)

    assert recorded() == ["request-1"]
    assert not path.exists()


def test_journal_that_the_database_fails_on_holds_up_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in (1, 2):
        write(tmp_path, number)[0].retire()
    [failing, good] = sorted(tmp_path.iterdir())

    def fail(journal: DrainedJournal, *others: Any, **named: Any) -> Any:
        if journal.name == failing.stem:
            raise DatabaseError("gone")
        return store(journal, *others, **named)

    store = drain_module._store
    monkeypatch.setattr(drain_module, "_store", fail)
    with pytest.raises(DatabaseError):
        drain_orphans(tmp_path, own=None)

    assert (failing.exists(), good.exists()) == (True, False)


def test_journal_of_a_living_writer_is_left_alone(tmp_path: Path) -> None:
    _journal, path = write(tmp_path, 1)

    drain_orphans(tmp_path, own=None)

    assert recorded() == []
    assert path.exists()


def test_journal_of_a_dead_writer_is_drained_and_removed(tmp_path: Path) -> None:
    journal, path = write(tmp_path, 1, 2)
    drain(path)
    journal.append(tmp_path, event(3))
    with path.open("ab") as file:
        file.write(b"[torn")
    journal.retire()

    drain_orphans(tmp_path, own=None)

    assert recorded() == ["request-1", "request-2", "request-3"]
    assert not path.exists()
    assert DrainedJournal.objects.get().finished_at is not None


def test_row_that_the_database_refuses_is_dropped_and_the_rest_goes_on(tmp_path: Path) -> None:
    journal = Journal()
    for number in range(9):
        bad: dict[str, Any] = {4: {"client": "nowhere"}, 6: {"owner": "x" * 101}}.get(number, {})
        journal.append(tmp_path, event(number)._replace(**bad))
    assert journal.path is not None

    drain(journal.path)

    assert recorded() == [f"request-{number}" for number in (0, 1, 2, 3, 5, 7, 8)]


def test_new_journal_is_never_seen_without_its_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another worker looks for orphans at every step of its making."""
    real = fcntl.flock

    def flock_after_a_look(file: Any, operation: int) -> None:
        if operation == fcntl.LOCK_EX:
            drain_orphans(tmp_path, own=None)
        real(file, operation)

    monkeypatch.setattr(fcntl, "flock", flock_after_a_look)
    _, path = write(tmp_path, 1)

    drain(path)
    assert recorded() == ["request-1"]


def test_short_write_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal, path = write(tmp_path, 1)
    real = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda fd, line: real(fd, line[:10]))
        assert not journal.append(tmp_path, event(2))
        assert "only 10 of" in str(journal.failure)
    journal.append(tmp_path, event(3))

    drain(path)
    assert recorded() == ["request-1", "request-3"]


def test_journal_that_cannot_be_made_leaves_nothing_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal()
    open_before = len(os.listdir("/proc/self/fd"))
    monkeypatch.setattr(os, "write", lambda *_: 0)

    for _ in range(5):
        assert not journal.append(tmp_path, event(1))
        assert "header" in str(journal.failure)

    assert len(os.listdir("/proc/self/fd")) == open_before
    assert list(tmp_path.iterdir()) == []


def test_forked_process_writes_a_journal_of_its_own(tmp_path: Path) -> None:
    journal, path = write(tmp_path, 1)
    child = os.fork()
    if child == 0:
        try:
            journal.append(tmp_path, event(2))
        finally:
            os._exit(0)
    os.waitpid(child, 0)

    assert path.read_bytes().startswith(HEADER)
    assert b"request-2" not in path.read_bytes()
    drain_orphans(tmp_path, own=path)
    assert recorded() == ["request-2"]
