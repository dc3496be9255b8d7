"""manage.py serve: a real server, from its start to its end."""

import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest
from django.conf import settings

from mcp_project.database.embedded_postgres import EmbeddedPostgres
from tests.support.server import KEY, Server, database_environment, embedded_environment, manage, until


def fails(folder: Path, variables: dict[str, str], *arguments: str) -> str:
    """The error of a `serve` that does not start: one line, without a traceback, with a status other than 0."""
    done = manage(folder, variables, "serve", "--port", "0", *arguments)
    assert done.returncode != 0, done
    assert "Traceback" not in done.stderr, done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert done.stdout == ""
    return lines[0]


def test_first_start_prints_a_key_once_and_its_curl_line_works(server: Server) -> None:
    said = server.said()
    [line] = [line.strip() for line in said.splitlines() if line.strip().startswith("curl ")]

    done = subprocess.run(["bash", "-c", line + " --fail --silent"], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert done.stdout == '{"next":null,"previous":null,"results":[]}'
    assert set(KEY.findall(said)) == {server.key}


def test_second_start_prints_no_key_and_keeps_the_first(server: Server) -> None:
    key = server.key
    assert server.stop() == 0

    server.start()

    assert not KEY.search(server.said())
    with server.client(key) as client:
        assert client.get("/api/models").status_code == 200


def test_two_workers_answer(server: Server) -> None:
    assert len(server.both_workers()) == 2


def test_request_in_flight_is_finished_after_sigterm(server: Server, db: None) -> None:
    """The request waits for a lock that the test holds, and gets it only after the SIGTERM."""
    from mcp_project.database.initialise import connection_parameters

    parameters = {**connection_parameters(), "dbname": server.variables["DB_NAME"]}
    answers: list[httpx.Response] = []

    def ask() -> None:
        with server.client(server.key) as client:
            answers.append(client.post("/api/models", json={"name": "slow"}))

    def is_waiting() -> bool:
        with psycopg.connect(**parameters) as session:
            query = "SELECT count(*) FROM pg_locks WHERE NOT granted"
            row = session.execute(query).fetchone()
            return row is not None and row[0] > 0

    asking = threading.Thread(target=ask)
    with psycopg.connect(**parameters) as holder:
        holder.execute("LOCK TABLE registry_registeredmodel")
        asking.start()
        until(is_waiting, "the request waits for the lock")
        server.process.send_signal(signal.SIGTERM)
        until(lambda: "Handling signal: term" in server.said(), "the server has the signal")
    asking.join()

    assert answers[0].status_code == 201
    assert server.process.wait(timeout=60) == 0


def test_port_in_use_is_told(tmp_path: Path, database: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        sentence = fails(tmp_path, database_environment(database), "--port", str(port))

    assert f"Cannot listen on 127.0.0.1:{port}: address already in use" in sentence


def test_unknown_host_to_listen_on_is_told(tmp_path: Path, database: str) -> None:
    assert "Cannot listen on no.such.host.invalid" in fails(
        tmp_path, database_environment(database), "--host", "no.such.host.invalid"
    )


def test_impossible_host_to_listen_on_is_told(tmp_path: Path, database: str) -> None:
    assert "Cannot listen on nonsense..:0" in fails(tmp_path, database_environment(database), "--host", "nonsense..")


def test_failed_system_check_is_told(tmp_path: Path, database: str) -> None:
    sentence = fails(tmp_path, {**database_environment(database), "DEFAULT_RATE_LIMIT": "0/m"})

    assert sentence.startswith("The configuration is wrong: DEFAULT_RATE_LIMIT: A rate admits")


def test_open_host_prints_an_address_that_works_and_what_is_missing(tmp_path: Path, database: str) -> None:
    with Server(tmp_path, {**database_environment(database), "ALLOWED_HOSTS": ""}, "--host", "0.0.0.0") as server:
        assert server.url.startswith("http://127.0.0.1:")
        assert "see ALLOWED_HOSTS" in server.said()


def test_unwritable_var_is_told(tmp_path: Path, database: str) -> None:
    (tmp_path / "file").touch()

    sentence = fails(tmp_path, {**database_environment(database), "VAR_DIR": str(tmp_path / "file/var")})

    assert sentence.endswith("is not writable: Not a directory.")


def test_unwritable_log_file_is_told(tmp_path: Path, database: str) -> None:
    sentence = fails(tmp_path, {**database_environment(database), "LOG_FILE": str(tmp_path)})

    assert f"LOG_FILE {tmp_path} cannot be written: Is a directory." in sentence


def test_refused_database_is_told(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound, but not listening: connections are refused
        port = str(unused.getsockname()[1])

        sentence = fails(tmp_path, {**embedded_environment(), "DB_HOST": "127.0.0.1", "DB_PORT": port})

    assert sentence.startswith(f"PostgreSQL at 127.0.0.1:{port} refused the connection")


def test_unknown_database_host_is_told(tmp_path: Path) -> None:
    sentence = fails(tmp_path, {**embedded_environment(), "DATABASE_URL": "postgres://u:p@no.such.host.invalid/mcp"})

    assert sentence.startswith("The database host no.such.host.invalid has no address")


@pytest.fixture
def strict_cluster(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL that wants a password."""
    cluster = EmbeddedPostgres(tmp_path / "strict")
    cluster.start()
    (cluster.data_dir / "pg_hba.conf").write_text("local all all scram-sha-256\n")
    with psycopg.connect(host=str(cluster.socket_dir), user="postgres", dbname="postgres", autocommit=True) as session:
        session.execute("ALTER USER postgres PASSWORD 'the right one'")
        session.execute("SELECT pg_reload_conf()")
    yield cluster
    cluster.stop()
    cluster.release()


def test_wrong_database_password_is_told_and_not_shown(tmp_path: Path, strict_cluster: EmbeddedPostgres) -> None:
    variables = {**embedded_environment(), "DB_HOST": str(strict_cluster.socket_dir), "DB_PASSWORD": "the wrong one"}

    sentence = fails(tmp_path, variables)

    assert "refused the password of user postgres" in sentence
    assert "the wrong one" not in sentence


def test_right_database_password_serves(tmp_path: Path, strict_cluster: EmbeddedPostgres) -> None:
    variables = {**embedded_environment(), "DB_HOST": str(strict_cluster.socket_dir), "DB_PASSWORD": "the right one"}

    with Server(tmp_path, variables) as server, server.client(server.key) as client:
        assert client.get("/health").status_code == 200


def test_absent_database_with_no_init_is_told(tmp_path: Path, missing_database: str) -> None:
    sentence = fails(tmp_path, database_environment(missing_database), "--no-init")

    assert f"has no database {missing_database}: run `manage.py init_db`" in sentence


def test_pending_migrations_with_no_init_are_told(tmp_path: Path, database: str) -> None:
    variables = database_environment(database)
    assert manage(tmp_path, variables, "init_db").returncode == 0
    assert manage(tmp_path, variables, "migrate", "usage", "zero").returncode == 0

    assert "The database lacks 2 migrations (usage.0001_models first)" in fails(tmp_path, variables, "--no-init")


def test_no_init_serves_an_initialised_database(tmp_path: Path, database: str) -> None:
    variables = database_environment(database)
    assert manage(tmp_path, variables, "init_db").returncode == 0

    with Server(tmp_path, variables, "--no-init") as server:
        assert httpx.get(f"{server.url}/health", timeout=30).json()["status"] == "ok"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["--port", "70000"], "--port"), (["--port", "x"], "--port"), (["--workers", "0"], "--workers"), (["--x"], "--x")],
)
def test_impossible_option_is_told(tmp_path: Path, database: str, arguments: list[str], words: str) -> None:
    done = manage(tmp_path, database_environment(database), "serve", *arguments)

    assert done.returncode != 0
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_help_explains_each_option_with_its_default(tmp_path: Path) -> None:
    text = " ".join(manage(tmp_path, {"APP_PORT": "8123"}, "serve", "--help").stdout.split())

    for option in ("--host", "--port", "--workers", "--reload", "--debug", "--no-init"):
        assert option in text
    assert "(APP_HOST: 127.0.0.1)" in text
    assert "(APP_PORT: 8123)" in text
    assert "(APP_DEBUG: False)" in text


def test_debug_reloads_when_a_file_changes(tmp_path: Path, database: str) -> None:
    touched = settings.BASE_DIR / "registry" / "rest" / "urls.py"
    with Server(tmp_path, database_environment(database), "--debug", "--workers", "1") as server:
        before = until(server.worker_pids, "there is a worker")

        def another_worker() -> bool:
            touched.touch()  # again and again: the reloader sees only what changes after its first look
            return server.worker_pids() not in ([], before)

        until(another_worker, "another worker has taken over")
        until(lambda: httpx.get(f"{server.url}/health", timeout=30).json()["status"] == "ok", "it answers")


def test_host_option_takes_ipv6(tmp_path: Path, database: str) -> None:
    with Server(tmp_path, database_environment(database), "--host", "::1") as server:
        assert server.url.startswith("http://[::1]:")


def test_embedded_database_starts_and_stops_with_the_service(tmp_path: Path) -> None:
    folder = tmp_path / "a folder with spaces"
    folder.mkdir()
    cluster = EmbeddedPostgres(folder / "var" / "postgres")
    with Server(folder, embedded_environment()) as server:
        key = server.key
        assert cluster._is_running()
        with server.client(key) as client:
            assert client.post("/api/models", json={"name": "kept"}).status_code == 201
        assert server.stop() == 0
    assert not cluster._is_running()

    with Server(folder, embedded_environment()) as server, server.client(key) as client:
        assert [model["name"] for model in client.get("/api/models").json()["results"]] == ["kept"]
        server.kill()
    assert cluster._is_running(), "nobody was left to stop it"

    with Server(folder, embedded_environment()) as server:
        assert server.stop() == 0
    assert not cluster._is_running(), "the next start took it over, and stopped it"


@pytest.mark.parametrize("moment", ["postmaster.pid", "Serving on"])
def test_signal_during_the_start_stops_the_embedded_database_too(tmp_path: Path, moment: str) -> None:
    server = Server(tmp_path, embedded_environment())
    cluster = EmbeddedPostgres(tmp_path / "var" / "postgres")
    server.launch()
    until(lambda: moment in server.said() or (cluster.data_dir / moment).exists(), "the moment has come")

    server.process.send_signal(signal.SIGTERM)

    server.process.wait(timeout=60)
    assert "Traceback" not in server.said()
    assert not cluster._is_running()


def test_ctrl_c_ends_the_service_cleanly(tmp_path: Path) -> None:
    with Server(tmp_path, embedded_environment()) as server:
        with server.client() as client:
            for _ in range(12):
                client.get("/health")
        # A terminal sends the signal to every process in the foreground at once.
        for pid in [*server.worker_pids(), server.process.pid]:
            subprocess.run(["kill", "-INT", str(pid)], check=True)
        assert server.process.wait(timeout=60) == 0
    assert "Traceback" not in server.said()
    assert "SIGKILL" not in server.said()
    assert not EmbeddedPostgres(tmp_path / "var" / "postgres")._is_running()
