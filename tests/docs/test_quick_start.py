"""The commands of README's quick start and of docs/, as they are printed there, against a real server."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.server import Server, environment, until

pytestmark = pytest.mark.docs

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
PAGES = sorted((ROOT / "docs").glob("*.md"))
PRINTED_URL = "http://127.0.0.1:8000"
PRINTED_KEY = "mcp_........the-key-that-make-serve-printed"


def quick_start() -> str:
    return README.read_text().partition("\n## Quick start\n")[2].partition("\n## ")[0]


class Shell:
    """The second terminal."""

    def __init__(self, folder: Path, variables: dict[str, str] | None = None) -> None:
        self.process = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=folder,
            env=variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, commands: str, check: bool = True) -> str:
        """The output of the commands. With `check`, fails if the last command does."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{commands}\necho; echo ---$?---\n")
        self.process.stdin.flush()
        said = ""
        for line in self.process.stdout:
            if line.startswith("---"):
                assert line == "---0---\n" or not check, said
                break
            said += line
        return said.strip()


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    shell = Shell(tmp_path)
    yield shell
    shell.process.communicate()


def matches(said: str, printed: str) -> bool:
    """Whether the response is the printed one, in which `...` stands for any text."""
    return re.fullmatch(re.escape(printed.strip()).replace(r"\.\.\.", ".+"), said) is not None


def test_quick_start_has_at_most_60_lines() -> None:
    assert len(quick_start().strip().splitlines()) <= 60


def test_readme_opens_with_the_two_commands() -> None:
    commands = re.findall(r"^(make \w+) ", README.read_text().partition("## ")[0], re.MULTILINE)

    assert commands == ["make serve", "make test"]


def test_every_line_of_the_quick_start_does_what_it_says(server: Server, shell: Shell) -> None:
    blocks = re.findall(r"^```(sh|json)\n(.*?)^```", quick_start(), re.MULTILINE | re.DOTALL)
    kinds = [kind for kind, _ in blocks]
    assert blocks[0] == ("sh", "make serve\n")
    assert kinds == ["sh", "sh", "sh", "sh", "json", "sh", "json", "sh"]
    said = ""

    for kind, text in blocks[1:]:
        if kind == "json":
            assert matches(said, text), said
        else:
            if "/api/usage" in text:
                until(lambda: recorded(server) >= 3, "the calls so far are counted")
            said = shell.run(text.replace(PRINTED_URL, server.url).replace(PRINTED_KEY, server.key))

    key = shell.run("echo $KEY")
    until(lambda: refused(server, key), "the revoked key is refused")


def recorded(server: Server) -> int:
    with server.client(server.key) as client:
        events = client.get("/api/usage/events").json()["results"]
    return sum(event["route"] != "usage-event-list" for event in events)


def refused(server: Server, key: str) -> bool:
    response = httpx.get(f"{server.url}/api/models", headers={"X-API-Key": key}, timeout=30)
    return response.status_code == 401 and response.json()["code"] == "API_KEY_REVOKED"


# Notes each command that fails, and has curl fail for a status of 400 or more.
WATCHED = """
set -E -o pipefail
trap 'echo "$BASH_COMMAND" >> failed' ERR
curl() { command curl --fail-with-body "$@"; }
"""


@pytest.fixture
def checkout(server: Server, tmp_path: Path) -> Iterator[Shell]:
    """A shell in a folder that looks like the checkout, on the server's machine."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    for name in ("docs", "manage.py"):
        (folder / name).symlink_to(ROOT / name)
    (folder / ".venv").symlink_to(sys.prefix)
    shell = Shell(folder, environment(server.folder, server.variables))
    shell.run(WATCHED)
    yield shell
    shell.process.communicate()


def commands(text: str) -> list[str]:
    return re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def test_commands_of_every_page_work_in_the_order_of_the_text(server: Server, checkout: Shell) -> None:
    pages = {"README.md": commands(quick_start())[1:], **{page.name: commands(page.read_text()) for page in PAGES}}
    failed = []

    for name, blocks in pages.items():
        for block in blocks:
            said = checkout.run(block.replace(PRINTED_URL, server.url).replace(PRINTED_KEY, server.key), check=False)
            if wrong := checkout.run("cat failed 2> /dev/null; rm -f failed", check=False):
                failed.append(f"{name}: {wrong}\n{said}")

    assert not failed, "\n\n".join(failed)
    assert sum(map(len, pages.values())) >= 25


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_page_sets_each_variable_that_its_commands_use(page: Path) -> None:
    set_before: set[str] = set()

    for block in commands(page.read_text()):
        for line in block.splitlines():
            used = set(re.findall(r"\$([A-Za-z_]+)", line))
            assert used <= set_before, (line, used - set_before)
            set_before |= set(re.findall(r"^(?:export |for )?([A-Za-z_]+)(?:=| in )", line))
