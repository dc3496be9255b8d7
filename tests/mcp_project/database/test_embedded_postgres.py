"""The PostgreSQL that runs when none is configured."""

import os
import pwd
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from mcp_project.database.embedded_postgres import LONGEST_SOCKET_PATH, EmbeddedPostgres
from tests.support.server import until

pytestmark = pytest.mark.wire

USE = """
import sys, pathlib
from mcp_project.database.embedded_postgres import EmbeddedPostgres
cluster = EmbeddedPostgres(pathlib.Path(sys.argv[1]))
cluster.start()
print("started", flush=True)
sys.stdin.read()
"""


class User:
    """Another process that uses the server until it is stopped."""

    def __init__(self, data_dir: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", USE, str(data_dir)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=settings.BASE_DIR,
        )
        assert self.process.stdout is not None
        if self.process.stdout.readline() != "started\n":
            self.die()
            raise AssertionError("the server did not start")

    def leave(self) -> None:
        self.process.communicate(timeout=60)
        assert self.process.returncode == 0

    def die(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "postgres"
    EmbeddedPostgres(tmp_path / "postgres").stop()


def version(cluster: EmbeddedPostgres) -> int:
    with psycopg.connect(host=str(cluster.socket_dir), user=cluster.user, dbname="postgres") as session:
        return session.info.server_version


def test_server_lives_until_the_last_user_leaves(data_dir: Path) -> None:
    cluster = EmbeddedPostgres(data_dir)
    first, second = User(data_dir), User(data_dir)
    assert version(cluster) >= 140_000

    first.leave()
    assert cluster._is_running()
    second.leave()
    assert not cluster._is_running()


def test_user_that_was_killed_does_not_keep_it_alive(data_dir: Path) -> None:
    first, second = User(data_dir), User(data_dir)

    first.die()
    second.leave()

    assert not EmbeddedPostgres(data_dir)._is_running()


def test_failing_statements_leave_nothing_in_the_log(data_dir: Path) -> None:
    cluster = EmbeddedPostgres(data_dir)
    cluster.start()
    before = (data_dir / "server.log").stat().st_size

    with psycopg.connect(
        host=str(cluster.socket_dir), user=cluster.user, dbname="postgres", autocommit=True
    ) as session:
        for _ in range(20):
            with pytest.raises(psycopg.errors.InvalidTextRepresentation):
                session.execute("SELECT %s::text::integer", ["secret" * 1000])

    assert (data_dir / "server.log").stat().st_size == before
    cluster.release()


def test_log_is_bounded(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mcp_project.database.embedded_postgres.LARGEST_LOG_BYTES", 1000)
    cluster = EmbeddedPostgres(data_dir)
    cluster.start()
    log = data_dir / "server.log"
    for _ in range(3):
        with log.open("a") as file:
            file.write("x" * 1001)
        cluster._started()

        assert log.stat().st_size == 0
        assert (data_dir / "server.log.1").stat().st_size < 4000
    cluster.release()
    assert log.stat().st_size > 0, "the server goes on with it"


def test_it_starts_again_after_being_killed(data_dir: Path) -> None:
    cluster = EmbeddedPostgres(data_dir)
    user = User(data_dir)
    os.kill(int((data_dir / "postmaster.pid").read_text().splitlines()[0]), signal.SIGKILL)
    until(lambda: not cluster._is_running(), "the server is gone")
    user.leave()

    again = User(data_dir)
    assert version(cluster)
    again.leave()


def test_many_may_start_it_at_once(data_dir: Path) -> None:
    command = [sys.executable, "-c", USE, str(data_dir)]
    users = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=settings.BASE_DIR)
        for _ in range(4)
    ]

    said = [user.communicate(timeout=90)[0] for user in users]

    assert said == ["started\n"] * 4
    assert not EmbeddedPostgres(data_dir)._is_running()


@pytest.mark.parametrize("name", ["with space", "with 'quotes'", "ünï", "x" * (LONGEST_SOCKET_PATH + 20)])
def test_it_runs_in_a_folder_of_any_name(tmp_path: Path, name: str) -> None:
    cluster = EmbeddedPostgres(tmp_path / name / "postgres")
    cluster.start()

    assert version(cluster)
    cluster.release()
    assert not cluster._is_running()


def test_half_made_data_are_made_again(data_dir: Path) -> None:
    """As after a kill in the middle of initdb, which writes PG_VERSION among its first files."""
    half = data_dir.with_name("postgres.new")
    half.mkdir(mode=0o700)
    (half / "PG_VERSION").write_text("18\n")

    user = User(data_dir)
    assert version(EmbeddedPostgres(data_dir))
    user.leave()


def test_threads_of_one_process_start_it_once(data_dir: Path) -> None:
    cluster = EmbeddedPostgres(data_dir)
    threads = [threading.Thread(target=cluster.start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert version(cluster)

    cluster.release()
    assert not cluster._is_running(), "no thread has left a lock behind"


def test_it_is_revived_when_it_has_died_under_its_users(data_dir: Path) -> None:
    cluster = EmbeddedPostgres(data_dir)
    cluster.start()
    os.kill(int((data_dir / "postmaster.pid").read_text().splitlines()[0]), signal.SIGKILL)
    until(lambda: not cluster._is_running(), "the server is gone")

    cluster.revive()

    assert version(cluster)
    cluster.release()
    assert not cluster._is_running()


def test_planted_folder_for_the_socket_is_refused(tmp_path: Path) -> None:
    cluster = EmbeddedPostgres(tmp_path / ("x" * (LONGEST_SOCKET_PATH + 20)) / "postgres")
    victim = tmp_path / "victim"
    victim.mkdir(mode=0o755)
    cluster.socket_dir.symlink_to(victim)
    try:
        with pytest.raises(ImproperlyConfigured, match="not a folder of its own"):
            cluster.start()
        assert victim.stat().st_uid == os.geteuid()
        assert not any(victim.iterdir())
    finally:
        cluster.socket_dir.unlink()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start what belongs to somebody else")
def test_root_runs_somebodys_data_as_that_user_and_leaves_them_theirs(data_dir: Path) -> None:
    user = User(data_dir)
    user.leave()
    nobody = pwd.getpwnam("nobody").pw_uid
    for path in [data_dir, *data_dir.rglob("*")]:
        os.chown(path, nobody, -1, follow_symlinks=False)

    user = User(data_dir)
    assert version(EmbeddedPostgres(data_dir))
    user.leave()

    assert {path.stat().st_uid for path in [data_dir, *data_dir.rglob("*")]} == {nobody}


def test_nobody_else_can_enter_its_folders(data_dir: Path) -> None:
    cluster = EmbeddedPostgres(data_dir)
    cluster.start()

    assert {folder.stat().st_mode & 0o077 for folder in (cluster.data_dir, cluster.socket_dir)} == {0}
    cluster.release()


def test_unusable_folder_is_told_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(ImproperlyConfigured, match=r"cannot use .*: Not a directory"):
        EmbeddedPostgres(tmp_path / "file" / "var" / "postgres").start()


def test_damaged_data_are_told_in_one_sentence(tmp_path: Path) -> None:
    data_dir = tmp_path / "postgres"
    data_dir.mkdir(mode=0o700)
    (data_dir / "PG_VERSION").write_text("18\n")

    with pytest.raises(ImproperlyConfigured, match="does not start") as raised:
        EmbeddedPostgres(data_dir).start()
    assert len(str(raised.value).splitlines()) == 1
