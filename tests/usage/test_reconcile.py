"""`manage.py usage_reconcile` finds every kind of difference between the records of usage."""

from collections.abc import Callable
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db.models import F

from tests.support.events import event, record
from tests.support.server import Server, manage, until
from usage.journal import Journal
from usage.models import DrainedJournal, Event, HourlyUsage, Series
from usage.reconcile import reconcile


@pytest.fixture
def journals(tmp_path: Path, settings: Any, db: None) -> Path:
    """A folder with two drained journals. One of them has one and a half more lines that are not drained."""
    settings.USAGE_JOURNAL_DIR = folder = tmp_path / "journals"
    record(folder, event(), event(status=429), event(status=429))
    with record(folder, event(status=404)).open("ab") as file:
        waiting = Journal()
        waiting.append(tmp_path / "other", event())
        assert waiting.path is not None
        file.write(waiting.path.read_bytes().splitlines(keepends=True)[1] + b"[torn")
    return folder


def test_report_says_that_the_books_balance(journals: Path) -> None:
    out = StringIO()

    call_command("usage_reconcile", stdout=out)

    table, total, verdict = out.getvalue().rpartition("In total:")[0], *out.getvalue().splitlines()[-2:]
    assert len(table.splitlines()) == 3
    assert total == (
        "In total: 2 journals, 3 events for 4 requests, 4 requests in the roll-ups; 1 lines wait to be drained."
    )
    assert verdict == "The books balance."


def _forget_a_line(path: Path) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], lines[1].replace(b"\n", b" ") + lines[2]]))


def _copy_an_event() -> None:
    row = Event.objects.exclude(status=404).earliest("id")
    row.pk = None
    row.save(force_insert=True)


CORRUPTIONS: dict[str, tuple[Callable[[Path], Any], str]] = {
    "event lost": (
        lambda _: Event.objects.filter(status=404).delete(),
        "the ledger should have 1 of its events and has 0",
    ),
    "event doubled": (lambda _: _copy_an_event(), "the ledger has 1 of its events more than once"),
    "event of a journal that does not exist": (
        lambda _: Event.objects.filter(status=404).update(journal=999_999),
        "1 events name journal 999999, which does not exist",
    ),
    "event of a line that was not drained": (
        lambda _: Event.objects.filter(status=404).update(line=9),
        "has its event 9, but only",
    ),
    "line lost": (_forget_a_line, "2 of its lines count as drained, but its file has 1 before"),
    "file emptied": (lambda path: path.write_bytes(b""), "of its lines count as drained, but its file has 0"),
    "file of a later version": (
        lambda path: path.write_bytes(path.read_bytes().replace(b'{"journal": 2}', b'{"journal": 9}')),
        "it cannot be read",
    ),
    "count written over too late": (
        lambda path: path.write_bytes(path.read_bytes().replace(b" 2]", b" 3]")),
        "its lines count 4 requests, its events 3",
    ),
    "roll-up lost": (lambda _: HourlyUsage.objects.filter(series__status=404).delete(), "404 : requests"),
    "roll-up counted twice": (
        lambda _: HourlyUsage.objects.filter(series__status=429).update(requests=F("requests") * 2),
        "429 -: requests, units and bytes by ledger [2, 2, 20, 200], roll-ups [4, 2, 20, 200]",
    ),
    "bytes": (
        lambda _: HourlyUsage.objects.filter(series__status=404).update(response_bytes=1),
        "by ledger [1, 1, 10, 100], roll-ups [1, 1, 10, 1]",
    ),
    "latencies": (
        lambda _: HourlyUsage.objects.filter(series__status=404).update(latencies=Decimal(0)),
        "1 requests, but 0 latencies",
    ),
    "roll-up under another key": (
        lambda _: Series.objects.filter(status=404).update(owner="eve"),
        "requests, units and bytes by ledger [0, 0, 0, 0], roll-ups [1, 1, 10, 100]",
    ),
    "offset forgotten": (
        lambda _: DrainedJournal.objects.update(lines=F("lines") + 1, dropped=F("dropped") + 1),
        "of its lines count as drained",
    ),
}


@pytest.mark.parametrize(("corrupt", "sentence"), CORRUPTIONS.values(), ids=CORRUPTIONS)
def test_each_difference_is_found_and_ends_with_an_error(
    journals: Path, corrupt: Callable[[Path], Any], sentence: str
) -> None:
    first = DrainedJournal.objects.earliest("id")
    corrupt(journals / f"{first.name}.journal")
    out = StringIO()

    with pytest.raises(CommandError, match=r"The books do not balance; differences: \d+\."):
        call_command("usage_reconcile", verbosity=0, stdout=out)

    assert sentence.replace("404 :", "404 -:") in out.getvalue()


def test_journal_whose_file_was_removed_is_checked_by_its_row(journals: Path) -> None:
    for path in journals.iterdir():
        path.unlink()
    assert reconcile(journals).differences == []

    Event.objects.filter(status=404).delete()
    assert len(reconcile(journals).differences) == 2  # of its journal, and of the hour


@pytest.mark.wire
def test_command_may_run_while_the_service_serves(server: Server, db: Any) -> None:
    with server.client(server.key) as client:
        for _ in range(50):
            client.get("/api/models")

        def output_with_events() -> str:
            client.get("/api/models")
            done = manage(server.folder, server.variables, "usage_reconcile")
            assert done.returncode == 0, done.stdout + done.stderr
            return done.stdout if " 0 events" not in done.stdout else ""

        assert "The books balance." in until(output_with_events, "some events are drained")
    assert server.stop() == 0


@pytest.mark.wire
def test_database_that_differs_ends_with_status_1(server: Server, db: Any) -> None:
    assert server.stop() == 0
    (server.folder / "var/usage/broken.journal").write_text('{"journal": 9}\n')

    done = manage(server.folder, server.variables, "usage_reconcile")

    assert done.returncode == 1
    assert "Journal broken: it cannot be read: broken.journal is a journal of format 9" in done.stdout
    assert "The books do not balance; differences: 1." in done.stderr
