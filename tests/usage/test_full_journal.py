"""Events that cannot be written: a full disk, a folder that is not writable, journals that have grown too large."""

import errno
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from registry.models import RegisteredModel
from tests.support.api import Api
from tests.support.server import Server, database_environment, until
from usage.drain import drain
from usage.flusher import Flusher
from usage.journal import HEADER, Journal, journal
from usage.lag import journal_lag
from usage.models import Event

pytestmark = pytest.mark.django_db


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """The disk, until the patch is undone."""

    def write(*_: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("usage.journal.os.write", write)
        yield patch


def recorded() -> list[int]:
    return list(Event.objects.order_by("pk").values_list("status", flat=True))


def test_refuse_answers_503_and_does_nothing_more(owner: Api, full: pytest.MonkeyPatch) -> None:
    first = owner.post("/api/models", {"name": "a"})
    second = owner.post("/api/models", {"name": "b"})

    assert [(answer.status_code, answer.json()["code"]) for answer in (first, second)] == [
        (503, "USAGE_UNAVAILABLE")
    ] * 2
    assert second["Retry-After"] == "1"
    assert not RegisteredModel.objects.filter(name="b").exists(), "once it is known, nothing is done"


def test_drop_serves_and_counts_what_is_not_recorded(owner: Api, settings: Any, full: pytest.MonkeyPatch) -> None:
    settings.USAGE_WHEN_FULL = "drop"

    assert [owner.get("/api/models").status_code for _ in range(3)] == [200] * 3
    assert journal.lost == 3


@pytest.mark.parametrize("policy", ["refuse", "drop"])
def test_it_goes_on_by_itself_once_there_is_room_and_tells_how_many_were_lost(
    owner: Api, settings: Any, full: pytest.MonkeyPatch, policy: str
) -> None:
    settings.USAGE_WHEN_FULL = policy
    flusher = Flusher()
    with capture_logs() as logs:
        for _ in range(2):
            owner.get("/api/models")
            flusher.act(last=False)
        full.undo()
        flusher.act(last=False)

    assert owner.get("/api/models").status_code == 200
    flusher.act(last=False)
    assert recorded() == [200]
    said = [entry for entry in logs if entry["event"].startswith("usage_journal")]
    assert [entry["event"] for entry in said] == ["usage_journal_failing", "usage_journal_recovered"]
    assert said[1]["events_lost"] == (2 if policy == "drop" else 1), "a request that was refused is no lost event"


def test_open_paths_are_served_whatever_the_journal(outsider: Api, full: pytest.MonkeyPatch, owner: Api) -> None:
    owner.get("/api/models")

    assert outsider.get("/health").status_code == 200


def test_journals_of_a_host_grow_to_their_bound_and_no_further(
    owner: Api, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.APP_WORKERS = 1
    settings.USAGE_JOURNAL_MAX_BYTES = 4000
    flusher = Flusher()
    monkeypatch.setattr(flusher, "flush", lambda **_: None)  # the database is unavailable
    statuses = []
    for _ in range(40):
        flusher.act(last=False)
        statuses.append(owner.get("/api/models").status_code)

    assert statuses == sorted(statuses), "served, then refused"
    assert set(statuses) == {200, 503}
    assert 3000 < journal_lag.waiting_bytes(settings.USAGE_JOURNAL_DIR) <= 4000

    Flusher().act(last=True)
    assert recorded() == [200] * statuses.count(200)


def test_what_is_drained_does_not_count(owner: Api, settings: Any) -> None:
    settings.APP_WORKERS = 1
    settings.USAGE_JOURNAL_MAX_BYTES = 4000
    flusher = Flusher()
    for _ in range(40):
        assert owner.get("/api/models").status_code == 200
        flusher.act(last=False)


def test_failed_write_leaves_nothing_and_takes_no_room(tmp_path: Path) -> None:
    own = Journal()
    own.bytes_left = 10
    assert own.recover(tmp_path) is None
    assert (own.bytes_left, own.path) == (10, None)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder of 64 KiB, where the tests may mount one."""
    folder = tmp_path / "var" / "usage"
    folder.mkdir(parents=True)
    mount = shutil.which("mount")
    done = mount and subprocess.run([mount, "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)], check=False)
    if not done or done.returncode != 0:
        pytest.skip("a file system of a given size can be mounted by root only")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize(("policy", "status"), [("refuse", 503), ("drop", 200)])
@pytest.mark.wire
def test_full_disk_under_a_real_server(
    small_disk: Path, database: str, tmp_path: Path, policy: str, status: int
) -> None:
    variables = {**database_environment(database), "USAGE_WHEN_FULL": policy}
    with Server(tmp_path, variables) as server, server.client(server.key) as client:
        workers = server.both_workers()
        assert client.get("/api/models").status_code == 200
        filler = small_disk / "filler"
        fill(filler)
        until(lambda: '"usage_journal_failing"' in ask(server) + server.said(), "a worker has met the full disk")
        assert {client.get("/api/models").status_code for _ in range(4)} <= {status, 200}

        filler.unlink()
        until(lambda: '"usage_journal_recovered"' in server.said(), "it has recovered")
        until(lambda: client.get("/api/models").status_code == 200, "it serves")
        assert server.worker_pids() == workers
    lines = [json.loads(line) for line in server.said().splitlines() if line.startswith("{")]
    assert sum(line["event"] == "usage_journal_failing" for line in lines) <= len(workers) * 2
    assert not [line for line in lines if line.get("status") == 500]


def fill(path: Path) -> None:
    """The disk, to the last byte."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT)
    with suppress(OSError):
        while os.write(file, b"x" * 4096):
            pass
    os.close(file)


def ask(server: Server) -> str:
    with server.client(server.key) as client:
        client.get("/api/models")
    return ""


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_folder_that_is_not_writable(owner: Api, settings: Any, tmp_path: Path) -> None:
    settings.USAGE_JOURNAL_DIR = tmp_path / "closed" / "usage"
    (tmp_path / "closed").mkdir(mode=0o500)

    assert owner.get("/api/models").json()["code"] == "USAGE_UNAVAILABLE"


def test_folder_that_cannot_be_made(owner: Api, settings: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    settings.USAGE_JOURNAL_DIR = tmp_path / "file" / "usage"

    assert owner.get("/api/models").json()["code"] == "USAGE_UNAVAILABLE"


def test_folder_that_vanishes_is_made_again(owner: Api, settings: Any) -> None:
    flusher = Flusher()
    owner.get("/api/models")
    shutil.rmtree(settings.USAGE_JOURNAL_DIR)
    with capture_logs() as logs:
        flusher.act(last=False)

    assert [entry["event"] for entry in logs] == ["usage_journal_vanished"]
    assert owner.get("/api/nothing").status_code == 404
    flusher.act(last=False)
    assert recorded() == [404]


def test_it_does_not_recover_where_no_event_would_fit(tmp_path: Path) -> None:
    own = Journal()
    own.bytes_left = 1000

    assert own.recover(tmp_path) is None
    own.bytes_left = 2000
    assert own.recover(tmp_path) == 0
    assert own.path is not None
    assert own.path.read_bytes() == HEADER


def test_backlog_counts_less_the_more_of_it_is_drained(owner: Api, settings: Any) -> None:
    for _ in range(5):
        owner.get("/api/models")
    whole = journal_lag.waiting_bytes(settings.USAGE_JOURNAL_DIR)
    assert journal.path is not None
    drain(journal.path)

    assert whole > 500
    assert journal_lag.waiting_bytes(settings.USAGE_JOURNAL_DIR) == 0


def test_orphan_that_cannot_be_removed_does_not_hold_up_the_others(
    owner: Api, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in ("/api/models", "/api/nothing"):
        owner.get(path)
        journal.retire()
    stuck, _ = sorted(settings.USAGE_JOURNAL_DIR.iterdir())
    unlink = Path.unlink

    def may_not(path: Path, *options: Any) -> None:
        if path == stuck:
            raise PermissionError("Operation not permitted")
        unlink(path, *options)

    monkeypatch.setattr(Path, "unlink", may_not)
    with pytest.raises(PermissionError):
        Flusher().act(last=True)

    assert sorted(recorded()) == [200, 404]
    assert list(settings.USAGE_JOURNAL_DIR.iterdir()) == [stuck]
