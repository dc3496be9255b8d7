"""SIGTERM and its kin, whatever clients and threads are at."""

import os
import signal
import subprocess
from contextlib import ExitStack
from pathlib import Path

import pytest

from mcp_project.database.embedded_postgres import EmbeddedPostgres
from tests.support.server import DEADLINE_SECONDS, Server, database_environment, embedded_environment, until
from tests.support.sockets import SITE, clients, connect, head, read_to_end

pytestmark = pytest.mark.wire


def test_sigterm_ends_the_service_and_its_database_though_clients_hang(tmp_path: Path) -> None:
    with Server(tmp_path, {**embedded_environment(), **SITE}) as server:
        cluster = EmbeddedPostgres(tmp_path / "var" / "postgres")
        key = server.key
        with (
            clients(server, 20, b"GET /api/mod"),
            clients(
                server,
                20,
                b"POST /api/models HTTP/1.1\r\nX-API-Key: " + key.encode() + b"\r\nContent-Length: 9\r\n\r\n",
            ),
            clients(server, 20, b""),
            clients(server, 5, head(server, "GET", "/api/test/made-by-loop?parts=1000000")),
            clients(server, 5, head(server, "GET", "/api/test/made-by-thread"), receive_buffer=4096),
        ):
            server.process.send_signal(signal.SIGTERM)
            assert server.process.wait(timeout=DEADLINE_SECONDS) == 0
        assert "SIGKILL" not in server.said()
        assert "Traceback" not in server.said()
        assert not cluster._is_running()
        assert (tmp_path / "var" / "ended").read_text() == "xxxxx", (
            "the streams that were cut have ended in their views"
        )


def test_stuck_thread_does_not_keep_a_worker_from_ending(tmp_path: Path, database: str) -> None:
    with Server(tmp_path, {**database_environment(database), **SITE}, "--workers", "1") as server:
        with clients(server, 1, head(server, "GET", "/api/test/wait")):
            until((tmp_path / "var" / "came").exists, "the thread is stuck")
            server.process.send_signal(signal.SIGTERM)
            assert server.process.wait(timeout=DEADLINE_SECONDS) == 0
        assert "SIGKILL" not in server.said()


def test_request_that_has_begun_is_finished_after_sigterm(tmp_path: Path, database: str) -> None:
    with Server(tmp_path, {**database_environment(database), **SITE}, "--workers", "1") as server:
        with connect(server) as sock:
            sock.sendall(head(server, "GET", "/api/test/wait"))
            until((tmp_path / "var" / "came").exists, "a thread is at it")
            server.process.send_signal(signal.SIGTERM)
            until(lambda: "Handling signal: term" in server.said(), "the server has the signal")
            (tmp_path / "var" / "go").touch()
            answer = read_to_end(sock)
        assert answer.endswith(b"gone")
        assert server.process.wait(timeout=DEADLINE_SECONDS) == 0


def test_reload_finishes_the_request_that_is_being_answered(tmp_path: Path, database: str) -> None:
    touched = Path(__file__).parents[2] / "support" / "site.py"
    with Server(tmp_path, {**database_environment(database), **SITE}, "--reload", "--workers", "1") as server:
        before = until(server.worker_pids, "there is a worker")
        with connect(server) as sock:
            sock.sendall(head(server, "GET", "/api/test/wait"))
            until((tmp_path / "var" / "came").exists, "a thread is at it")

            def is_reloading() -> bool:
                touched.touch()
                return "Worker reloading" in server.said()

            until(is_reloading, "the reloader has seen the change")
            (tmp_path / "var" / "go").touch()
            assert read_to_end(sock).endswith(b"gone")
        until(lambda: server.worker_pids() not in ([], before), "another worker has taken over")


@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_ends_the_service_cleanly_though_it_comes_again(tmp_path: Path, times: int) -> None:
    with Server(tmp_path, {**embedded_environment(), **SITE}) as server, clients(server, 10, b"GET /api/mod"):
        for _ in range(times):
            for pid in [*server.worker_pids(), server.process.pid]:
                subprocess.run(["kill", "-INT", str(pid)], check=False)
        assert server.process.wait(timeout=DEADLINE_SECONDS) == 0
    assert "Traceback" not in server.said()
    assert not EmbeddedPostgres(tmp_path / "var" / "postgres")._is_running()


def test_database_stops_though_its_workers_are_killed_as_the_service_ends(tmp_path: Path) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(Server(tmp_path, {**embedded_environment(), **SITE}))
        stack.enter_context(clients(server, 4, head(server, "GET", "/api/test/wait")))
        until((tmp_path / "var" / "came").exists, "a thread is at it")
        server.process.send_signal(signal.SIGTERM)
        until(lambda: "Handling signal: term" in server.said(), "the server has the signal")
        for pid in server.worker_pids():
            os.kill(pid, signal.SIGKILL)
        assert server.process.wait(timeout=DEADLINE_SECONDS) == 0
    assert not EmbeddedPostgres(tmp_path / "var" / "postgres")._is_running()


def test_service_that_shares_its_database_ends_without_waiting_for_the_others(tmp_path: Path) -> None:
    cluster = EmbeddedPostgres(tmp_path / "var" / "postgres")
    with Server(tmp_path, {**embedded_environment(), **SITE}) as server:
        cluster.start()
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(timeout=20) == 0  # less than it waits for workers
    assert cluster._is_running()
    cluster.release()
    assert not cluster._is_running()
