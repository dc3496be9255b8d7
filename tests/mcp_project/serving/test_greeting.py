"""The lines that `manage.py serve` prints: the first key, and addresses that answer."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mcp_project.serving.greeting import Addresses
from tests.support.server import KEY, Server, database_environment, embedded_environment, manage

PRODUCTION = {
    **embedded_environment(),
    "PRODUCTION": "true",
    "ALLOW_EMBEDDED_DATABASE": "true",
    "SECRET_KEY": "k" + "0123456789abcdefghij" * 3,
    "ALLOWED_HOSTS": "mcp.example.com",
}


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("in production"), PRODUCTION) as running:
        yield running


def test_first_key_of_production_is_in_a_file_and_not_in_the_output(production: Server) -> None:
    file = production.folder / "var" / "first-admin-key"

    assert KEY.fullmatch(file.read_text().strip())
    assert file.stat().st_mode & 0o777 == 0o600
    assert not KEY.search(production.said())
    assert f"\n  {file}\n" in production.said()


def test_first_command_of_production_works_as_it_is_printed(production: Server) -> None:
    [line] = [line.strip() for line in production.said().splitlines() if line.strip().startswith("curl ")]

    done = subprocess.run(["bash", "-c", line + " --fail --silent"], capture_output=True, text=True, check=False)

    assert done.stdout == '{"next":null,"previous":null,"results":[]}', done


def test_printed_pages_have_a_host_that_production_answers_for(production: Server) -> None:
    addresses = re.search(r"documentation: (\S+), admin: (\S+)\)", production.said())

    assert addresses is not None
    assert addresses.groups() == ("https://mcp.example.com/api/docs", "https://mcp.example.com/admin/")


def test_file_of_an_earlier_first_key_is_not_overwritten_and_no_key_is_made(tmp_path: Path, database: str) -> None:
    folder = tmp_path / "var"
    folder.mkdir()
    (folder / "first-admin-key").write_text("the only copy\n")
    variables = {**PRODUCTION, **database_environment(database), "DB_PASSWORD": "not-a-default-one"}

    done = manage(tmp_path, variables, "serve", "--port", "0")

    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1), done.stderr
    assert f"{folder / 'first-admin-key'} holds one already" in done.stderr
    assert (folder / "first-admin-key").read_text() == "the only copy\n"
    assert manage(tmp_path, variables, "list_keys").stdout.splitlines()[1:] == []


def test_no_init_without_a_key_says_how_to_make_one(tmp_path: Path, database: str) -> None:
    variables = database_environment(database)
    assert manage(tmp_path, variables, "init_db").returncode == 0

    with Server(tmp_path, variables, "--no-init") as server:
        [hint] = [line for line in server.said().splitlines() if "The database has no key yet" in line]
        words = hint.partition("manage.py ")[2].split()
        assert KEY.fullmatch(manage(tmp_path, variables, *words).stdout.strip())
        server.stop()
        server.start()
        assert "The database has no key yet" not in server.said()


@pytest.mark.parametrize(
    ("allowed", "host", "proxies", "local", "public", "curl_options"),
    [
        (["localhost", "127.0.0.1"], "127.0.0.1", [], "http://127.0.0.1:80", "http://127.0.0.1:80", ""),
        (["localhost", "127.0.0.1"], "0.0.0.0", [], "http://127.0.0.1:80", "http://127.0.0.1:80", ""),
        (["[::1]"], "::1", [], "http://[::1]:80", "http://[::1]:80", ""),
        (["*"], "127.0.0.1", [], "http://127.0.0.1:80", "http://127.0.0.1:80", ""),
        (["a.org", "b.org"], "127.0.0.1", [], "http://127.0.0.1:80", "https://a.org", '-H "Host: a.org" '),
        ([".a.org"], "127.0.0.1", [], "http://127.0.0.1:80", "https://a.org", '-H "Host: a.org" '),
        (["a.org"], "10.0.0.7", ["10.0.0.1"], "http://10.0.0.7:80", "https://a.org", '-H "Host: a.org" '),
        (["a.org"], "0.0.0.0", [], "http://127.0.0.1:80", "http://a.org:80", '-H "Host: a.org" '),
        (["a.org", "10.0.0.7"], "10.0.0.7", [], "http://10.0.0.7:80", "http://10.0.0.7:80", ""),
    ],
)
def test_addresses_have_a_host_that_is_allowed(
    settings: Any, allowed: list[str], host: str, proxies: list[str], local: str, public: str, curl_options: str
) -> None:
    settings.ALLOWED_HOSTS, settings.TRUSTED_PROXIES = allowed, proxies

    assert Addresses.of(host, 80) == (local, public, curl_options)
