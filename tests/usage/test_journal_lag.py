"""The distance of the ledger behind the journals, as GET /metrics reports it."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import OperationalError

from tests.support.api import Api, drain_own_journal
from tests.support.scraping import labels, scrape
from usage.flusher import Flusher
from usage.journal import HEADER
from usage.lag import JournalLag, journal_lag
from usage.models import DrainedJournal

pytestmark = pytest.mark.django_db

LAG = ("mcp_usage_journal_lag_events", "mcp_usage_journal_lag_seconds")


def line(age: float) -> bytes:
    return (
        json.dumps([time.time() - age, "id", None, "", "GET", "model-list", 401, "", 1, 0, 0, "::1"]).encode() + b"\n"
    )


@pytest.fixture
def write(settings: Any) -> Callable[..., Path]:
    def write(name: str, *lines: bytes) -> Path:
        path = Path(settings.USAGE_JOURNAL_DIR) / f"{name}.journal"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(HEADER + b"".join(lines))
        return path

    return write


def test_lag_is_what_the_ledger_lacks_of_all_journals_of_the_host(write: Callable[..., Path]) -> None:
    gone = line(9000)
    write("half-drained", gone, line(50), line(40), b"[1, torn")
    write("orphan", line(100))
    write("drained", gone)
    write("empty")
    for name in ("half-drained", "drained"):
        DrainedJournal.objects.create(name=name, offset=len(HEADER + gone))
    journal_lag.waiting_bytes(settings.USAGE_JOURNAL_DIR)
    said = scrape()

    assert said(LAG[0]) == 3
    assert 100 <= said(LAG[1]) < 200


def test_no_lag_is_zero(owner: Api) -> None:
    owner.get("/api/models")
    drain_own_journal()
    journal_lag.waiting_bytes(settings.USAGE_JOURNAL_DIR)
    said = scrape()

    assert {name: said.samples[name, labels()] for name in LAG} == dict.fromkeys(LAG, 0)


def test_flusher_notes_how_far_it_is(owner: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_lag, "offsets", None)
    owner.get("/api/models")
    flusher = Flusher()
    flusher.act(last=False)

    assert scrape().samples[LAG[0], labels()] == 0
    owner.get("/api/models")
    assert scrape()(LAG[0]) == 1


def test_lines_of_several_blocks_are_counted(write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("usage.lag.BLOCK_BYTES", 100)
    write("long", *[line(5)] * 50, b"[1, torn")
    journal_lag.waiting_bytes(settings.USAGE_JOURNAL_DIR)

    assert scrape()(LAG[0]) == 50


@pytest.mark.parametrize("unreadable", [b"rubbish\n", b"[]\n", b"{}\n", b"7\n", b'["x"]\n', b"[null]\n"])
def test_line_that_nobody_can_read_counts_and_has_no_age(write: Callable[..., Path], unreadable: bytes) -> None:
    write("bad", unreadable)
    journal_lag.waiting_bytes(settings.USAGE_JOURNAL_DIR)
    said = scrape()

    assert (said(LAG[0]), said(LAG[1])) == (1, 0)


def test_while_the_database_is_away_the_offsets_seen_last_stand(
    write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise OperationalError("away")

    old = line(60)
    write("seen", old, line(5))
    DrainedJournal.objects.create(name="seen", offset=len(HEADER + old))
    lag = JournalLag()
    lag.waiting_bytes(settings.USAGE_JOURNAL_DIR)
    monkeypatch.setattr(DrainedJournal.objects, "filter", away)
    lag.waiting_bytes(settings.USAGE_JOURNAL_DIR)

    [events, _] = lag.collect()
    assert events.samples[0].value == 1
    blind = JournalLag()
    blind.waiting_bytes(settings.USAGE_JOURNAL_DIR)
    assert list(blind.collect()) == [], "nothing rather than something false"


def test_journal_that_cannot_be_read_hides_no_other(write: Callable[..., Path]) -> None:
    (write("good", line(5)).parent / "folder.journal").mkdir()
    journal_lag.waiting_bytes(settings.USAGE_JOURNAL_DIR)

    assert scrape()(LAG[0]) == 1
