"""The pages for those who change the service: what they name exists."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    *sorted(f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md")),
]
FOLDERS = {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(".")} - {"var"}


def text_of(page: str) -> str:
    return (ROOT / page).read_text()


def paths_in(text: str) -> set[str]:
    """Every path of a file or folder of the project, such as keys/limits/, with or without backquotes."""
    words = re.findall(r"(?<![\w/.:-])\w[\w.-]*/[\w./*-]*", text)
    return {word.rstrip(".") for word in words if word.partition("/")[0] in FOLDERS}


def anchors_of(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES)
def test_every_path_that_a_page_names_exists(page: str) -> None:
    paths = paths_in(text_of(page))

    assert [path for path in sorted(paths) if not any(ROOT.glob(path))] == []


def test_pages_of_contributors_name_paths() -> None:
    assert len(paths_in(text_of("docs/architecture.md"))) > 20
    assert {"keys/limits/", "bench/start.py"} <= paths_in("`keys/limits/`, and bench/start.py.")


@pytest.mark.parametrize("page", PAGES)
def test_every_link_of_a_page_leads_somewhere(page: str) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", text_of(page)):
        if target.startswith(("http://", "https://")):
            continue
        name, _, anchor = target.partition("#")
        linked = (ROOT / page).parent / name if name else ROOT / page
        assert linked.exists(), target
        assert not anchor or anchor in anchors_of(linked), target


def test_glossary_has_at_most_25_words_in_order() -> None:
    glossary = text_of("docs/architecture.md").partition("\n## Glossary\n")[2]
    words = re.findall(r"^\| (\w+) \|", glossary, re.MULTILINE)[1:]

    assert 0 < len(words) <= 25
    assert words == sorted(words)


def test_every_background_task_is_described() -> None:
    from django.conf import settings

    modules = {name.rpartition(".")[0].replace(".", "/") + ".py" for name in settings.BACKGROUND_TASKS}
    table = text_of("docs/architecture.md").partition("\n## Background tasks\n")[2].partition("\n## ")[0]
    described = set(re.findall(r"^\| `(.*?)` \|", table, re.MULTILINE))

    assert modules <= described
