"""registry_export and registry_import as they run: one snapshot, kill -9, several at once, a terminal."""

import json
import os
import pty
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings

from tests.support.exports import sealed
from tests.support.server import database_environment, environment, manage, until

pytestmark = pytest.mark.wire

LINE = {
    "kind": "model", "description": "", "tags": {}, "created_at": "2026-01-31T12:00:00.000001+00:00",
    "created_by": "init", "updated_at": "2026-01-31T12:00:00+00:00", "edition": 1, "owner": "ann", "metadata": {},
    "aliases": {}, "last_number": 0, "latest_version": None, "framework": "", "task": "", "license": "",
}  # fmt: skip
LINGER = """CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS
'BEGIN PERFORM pg_sleep(0.5); RETURN NULL; END';
CREATE TRIGGER linger AFTER INSERT ON registry_registeredmodel FOR EACH STATEMENT EXECUTE FUNCTION linger()"""
MOVE_AN_ALIAS = """INSERT INTO registry_modelaliasmove (id, alias, edition, at, actor, model_id)
SELECT gen_random_uuid(), 'champion', 1, now(), 'init', id FROM registry_registeredmodel"""
EMPTY = """DROP FUNCTION IF EXISTS linger CASCADE;
TRUNCATE registry_registeredmodel CASCADE"""
COUNT = "SELECT count(*) FROM registry_registeredmodel"


class Place:
    """An empty registry of its own, and commands on it."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.variables = folder, database_environment(name)
        assert manage(folder, self.variables, "init_db").returncode == 0

    def manage(self, *arguments: str) -> str:
        done = manage(self.folder, self.variables, *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self, *arguments: str, **streams: Any) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "manage.py", *arguments]
        variables = environment(self.folder, self.variables)
        return subprocess.Popen(command, cwd=settings.BASE_DIR, env=variables, **streams)

    def ask(self, statement: str) -> Any:
        names = {
            "host": "DB_HOST",
            "port": "DB_PORT",
            "user": "DB_USER",
            "password": "DB_PASSWORD",
            "dbname": "DB_NAME",
        }
        given = {name: self.variables[variable] for name, variable in names.items() if self.variables[variable]}
        with psycopg.connect(**{"user": "postgres", **given}, autocommit=True) as session:  # type: ignore[arg-type]
            found = session.execute(statement)
            row = found.fetchone() if found.description else None
            return row and row[0]


def models(count: int, **fields: Any) -> list[Any]:
    return [{**LINE, "id": f"0190a1b2-c3d4-7e5f-8a6b-{n:012x}", "name": f"m{n}", **fields} for n in range(count)]


@pytest.fixture(scope="module")
def made_once(module_database: str, tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("place"), module_database)


@pytest.fixture
def place(made_once: Place) -> Place:
    made_once.ask(EMPTY)
    return made_once


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """An export of 3,500 models: four batches."""
    path = tmp_path / "registry.ndjson"
    path.write_bytes(sealed(models(3_500)))
    return path


def same(place: Place, file: Path) -> bool:
    """But for the counts in the first line, and so the seal."""
    return place.manage("registry_export").splitlines()[1:-1] == file.read_text().splitlines()[1:-1]


def test_import_that_was_killed_goes_on_with_the_same_command(place: Place, file: Path) -> None:
    place.ask(LINGER)
    running = place.start("registry_import", str(file))
    reached = until(lambda: place.ask(COUNT), "a batch is committed")

    os.kill(running.pid, signal.SIGKILL)
    assert running.wait() == -signal.SIGKILL
    assert reached % 1_000 == 999, "a whole batch: a thousand lines, with the first"
    assert place.ask(COUNT) < 3_500

    said = place.manage("registry_import", str(file)).split()[-3:]
    assert said[0] == "model"
    assert int(said[1]) + int(said[2]) == 3_500
    assert int(said[2]) >= 999, "what was committed is not written again"
    assert same(place, file)


def test_ctrl_c_says_how_it_goes_on(place: Place, file: Path) -> None:
    place.ask(LINGER)
    # Tests that run in the background of a shell ignore it, and so would whatever they start.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    running = place.start("registry_import", str(file), stderr=subprocess.PIPE)
    signal.signal(signal.SIGINT, before)
    until(lambda: place.ask(COUNT), "a batch is committed")

    running.send_signal(signal.SIGINT)

    _, said = running.communicate(timeout=60)
    assert running.returncode == 130
    assert said == b"CommandError: Stopped. What was imported stays, and the same command goes on from there.\n"


def test_two_imports_at_once_write_everything_once(place: Place, file: Path) -> None:
    place.ask(LINGER)
    both = [place.start("registry_import", str(file), stdout=subprocess.PIPE) for _ in range(2)]
    said = [running.communicate(timeout=120)[0].split()[-2:] for running in both]

    assert [running.returncode for running in both] == [0, 0]
    assert sum(int(written) for written, _ in said) == 3_500
    assert same(place, file)


def test_export_is_of_one_moment_whatever_is_written_meanwhile(place: Place, tmp_path: Path) -> None:
    """The export waits for its reader in the midst of the models; the rows after them are read later."""
    (tmp_path / "registry.ndjson").write_bytes(sealed(models(900, description="x" * 5_000)))
    place.manage("registry_import", str(tmp_path / "registry.ndjson"))
    with place.start("registry_export", stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        first = json.loads(running.stdout.readline())
        place.ask("DELETE FROM registry_registeredmodel WHERE name = 'm899'")
        place.ask(MOVE_AN_ALIAS)
        kinds = [json.loads(line)["kind"] for line in running.stdout]

    assert running.returncode == 0
    assert kinds == ["model"] * 900 + ["end"]
    assert (first["counts"]["model"], first["counts"]["model_alias_move"]) == (900, 0)


def test_export_into_a_program_that_ends_early_ends_quietly(place: Place, file: Path) -> None:
    place.manage("registry_import", str(file))
    with place.start("registry_export", stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.readline()
        running.stdout.close()
        assert running.stderr.read() == b""

    assert running.returncode == 128 + signal.SIGPIPE


@pytest.mark.parametrize("command", ["registry_import", "registry_export"])
def test_bar_is_shown_on_a_terminal_alone(place: Place, file: Path, command: str) -> None:
    arguments = [command, str(file)] if command == "registry_import" else [command, "--output", str(file)]
    plain = manage(place.folder, place.variables, *arguments)
    terminal, end = pty.openpty()
    termios.tcsetwinsize(end, (24, 100))
    running = place.start(*arguments, stdout=subprocess.DEVNULL, stderr=end)
    os.close(end)
    shown = b"".join(_read(terminal))

    assert running.wait() == 0
    assert (plain.returncode, plain.stderr) == (0, "")
    assert b"100%" in shown
    assert b" lines/s" in shown


def _read(terminal: int) -> Iterator[bytes]:
    try:
        while chunk := os.read(terminal, 4_096):
            yield chunk
    except OSError:  # how Linux reports that the other end is closed
        os.close(terminal)
