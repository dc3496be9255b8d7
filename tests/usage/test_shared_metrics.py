"""GET /metrics of a real server: whichever worker answers reports for all."""

import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest
from prometheus_client.multiprocess import MultiProcessCollector

from mcp_project.serving import shared_metrics
from tests.support.scraping import Scrape
from tests.support.server import Server, database_environment, until


def scrape(server: Server) -> Scrape:
    """Over a connection of its own."""
    return Scrape(httpx.get(f"{server.url}/metrics", timeout=60).text)


def total(server: Server, name: str = "mcp_requests_total") -> float:
    said = scrape(server)
    return sum(value for (sample, _), value in said.samples.items() if sample == name)


def ask(server: Server, times: int) -> None:
    """Each time over a new connection, which either worker may accept; some with a key, some refused."""
    for number in range(times):
        headers = {"X-API-Key": server.key} if number % 3 else {}
        httpx.get(f"{server.url}/api/models", headers=headers, timeout=60)


def folder_of(server: Server) -> Path:
    """Where the server's workers count: the folder that its master holds a lock on."""
    opened = [os.readlink(path) for path in Path(f"/proc/{server.process.pid}/fd").iterdir()]
    [folder] = {path for path in opened if Path(path).name.startswith(shared_metrics.PREFIX)}
    return Path(folder)


def counted_by(folder: Path, slot: int) -> float:
    """The counts of one worker."""
    file = folder / f"counter_{slot}.db"
    metrics = MultiProcessCollector.merge([str(file)]) if file.exists() else []  # type: ignore[no-untyped-call]
    samples = [sample for metric in metrics for sample in metric.samples if sample.name == "mcp_requests_total"]
    return float(sum(sample.value for sample in samples))


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.mark.wire
def test_each_worker_answers_for_both(server: Server) -> None:
    first, second = server.both_workers()
    folder = folder_of(server)
    for worker in (first, second):
        with stopped(worker):  # so the other answers
            ask(server, 30)
    assert [counted_by(folder, slot) for slot in (0, 1)] == [30, 30]

    for worker in (first, second):
        with stopped(worker):
            said = [scrape(server) for _ in range(3)]
        for one in said:
            assert one("mcp_requests_total", route="model-list", method="GET", status="200") == 40
            assert one("mcp_requests_total", route="model-list", method="GET", status="401") == 20
            assert one("mcp_request_duration_seconds_count", route="model-list") == 60
            assert one("mcp_request_duration_seconds_bucket", route="model-list", le="+Inf") == 60
            assert one("mcp_refusals_total", code="API_KEY_MISSING") == 20
            assert {"mcp_build_info", "mcp_limiter_errors", "mcp_usage_events_lost"} <= set(one.families)
    until(lambda: "mcp_usage_journal_lag_events" in scrape(server).families, "the ledger has been looked into")


@pytest.mark.wire
def test_counts_never_fall_when_workers_are_killed_and_files_do_not_pile_up(server: Server) -> None:
    folder = folder_of(server)
    answered = 0
    for _ in range(6):
        workers = server.both_workers()
        ask(server, 10)
        answered += 10
        assert total(server) == answered
        os.kill(workers[0], signal.SIGKILL)
        until(lambda old=workers: not set(old) <= set(server.both_workers()), "another has taken its place")  # type: ignore[misc]
        assert total(server) == total(server, "mcp_request_duration_seconds_count") == answered

    ask(server, 20)
    assert total(server) == answered + 20
    # Two for each slot, and the master's.
    assert len(list(folder.iterdir())) <= 5


@pytest.mark.wire
def test_counts_outlive_a_reload_with_old_and_new_workers_side_by_side(server: Server) -> None:
    old = server.both_workers()
    ask(server, 20)
    server.process.send_signal(signal.SIGHUP)
    until(lambda: not set(old) & set(server.both_workers()), "both have been replaced")
    ask(server, 20)

    assert total(server) == 40


@pytest.mark.wire
def test_reloading_server_counts_together_too(database: str, tmp_path: Path) -> None:
    with Server(tmp_path, database_environment(database), "--debug") as server:
        for worker in server.both_workers():
            with stopped(worker):
                ask(server, 10)

        for worker in server.both_workers():
            with stopped(worker):
                assert total(server) == 20


@pytest.mark.wire
def test_folder_is_private_and_goes_with_the_server(server: Server) -> None:
    folder = folder_of(server)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700

    assert server.stop() == 0
    assert not folder.exists()


@pytest.mark.wire
def test_next_start_removes_what_a_killed_server_left_and_nobody_elses(server: Server, tmp_path: Path) -> None:
    left = folder_of(server)
    (tmp_path / "other").mkdir()
    with Server(tmp_path / "other", server.variables) as other:
        server.kill()
        assert left.exists()
        server.start()

        assert not left.exists()
        assert total(server) == 0, "a start counts from 0, as Prometheus expects"
        assert folder_of(other).exists()
        assert folder_of(other) != folder_of(server)


@pytest.mark.wire
def test_folder_that_somebody_removes_is_no_failure(server: Server) -> None:
    ask(server, 2)
    shutil.rmtree(folder_of(server))
    said = scrape(server)

    assert "mcp_build_info" in said.families
    assert "mcp_requests" not in said.families
    for worker in server.both_workers():
        os.kill(worker, signal.SIGKILL)

    def serves_and_tells() -> bool:
        with suppress(httpx.TransportError):  # one that was killed with its worker
            ask(server, 2)
        return '"metrics_not_shared"' in server.said()

    until(serves_and_tells, "a worker has found no place for its files")
    assert scrape(server).families


def test_links_and_strange_files_are_left_alone(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    (tmp_path / f"{shared_metrics.PREFIX}link").symlink_to(victim)
    (tmp_path / f"{shared_metrics.PREFIX}file").touch()
    folder, lock = shared_metrics.make_folder(tmp_path)
    shared_metrics.remove_leftovers(tmp_path)
    assert victim.exists()
    assert folder.exists(), "it is locked"

    os.close(lock)
    shared_metrics.remove_leftovers(tmp_path)
    assert not folder.exists()
    assert victim.exists()


def test_lowest_free_slot_is_taken() -> None:
    assert shared_metrics.free_slot([]) == 0
    assert shared_metrics.free_slot([0, 2]) == 1
    assert shared_metrics.free_slot([1, 0]) == 2


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    mount = shutil.which("mount")
    done = mount and subprocess.run([mount, "-t", "tmpfs", "-o", "size=160k", "tmpfs", str(folder)], check=False)
    if not done or done.returncode != 0:
        pytest.skip("a file system of a given size can be mounted by root only")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


FILL_UP = """
import sys
from pathlib import Path
from mcp_project.patches.prometheus_client import SolidDict
folder = Path(sys.argv[1])
numbers, known = SolidDict(str(folder / "counter_0.db")), []
try:
    while len(known) < 100_000:
        numbers.write_value(f"series {len(known)}", 1.0, 0.0)
        known.append(f"series {len(known)}")
except OSError as error:
    print("full after", len(known), error)
(folder / "filler").write_bytes(b"")
try:
    with (folder / "filler").open("wb", buffering=0) as filler:
        while filler.write(b"x" * 4096): pass
except OSError: pass
for name in known:
    numbers.write_value(name, 2.0, 0.0)
another = SolidDict(str(folder / "counter_1.db"))
another.write_value("unseen", 1.0, 0.0)
values = {name: value for name, value, _, _ in SolidDict.read_all_values_from_file(str(folder / "counter_0.db"))}
print("all there:", values == dict.fromkeys(known, 2.0), sorted(path.name for path in folder.iterdir()))
"""


def test_full_disk_is_an_error_and_not_the_end_of_the_process(small_disk: Path) -> None:
    command = [sys.executable, "-c", FILL_UP, str(small_disk)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, (done.returncode, done.stderr)
    assert "full after" in done.stdout
    assert "all there: True ['counter_0.db', 'filler']" in done.stdout
