"""README's quick start, with the commands as README prints them, against a real server."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.server import Server, until

README = Path(__file__).resolve().parents[2] / "README.md"
PRINTED_URL = "http://127.0.0.1:8000"
PRINTED_KEY = "mcp_........the-key-that-make-serve-printed"


def quick_start() -> str:
    return README.read_text().partition("\n## Quick start\n")[2].partition("\n## ")[0]


class Shell:
    """The second terminal."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, commands: str) -> str:
        """What the commands print; fails when the last of them does."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{commands}\necho; echo ---$?---\n")
        self.process.stdin.flush()
        said = ""
        for line in self.process.stdout:
            if line.startswith("---"):
                assert line == "---0---\n", said
                break
            said += line
        return said.strip()


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    shell = Shell(tmp_path)
    yield shell
    shell.process.communicate()


def matches(said: str, printed: str) -> bool:
    """Whether the answer is the printed one, where `...` stands for anything."""
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
    response = httpx.get(f"{server.url}/api/models", headers={"X-API-Key": key})
    return response.status_code == 401 and response.json()["code"] == "API_KEY_REVOKED"
