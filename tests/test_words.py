"""Docstrings and comments are plain sentences: a subject, a verb, the reason."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

PACKAGES = ("bench", "keys", "mcp_project", "registry", "tests", "usage")
# Phrases that the reader has to puzzle out, or that name no role of the field: client, caller, worker, operator.
RIDDLES = re.compile(
    r"\b(of which|of whom|whoever|whomever|whatever else|nobody|somebody|told|alike|thereof|that much|is away)\b", re.I
)
FRAGMENT = re.compile(r"(Of|What|By|Also|Without|Those|To be)\b")  # the first word of a docstring without a subject


def texts(source: str) -> Iterator[tuple[int, str, bool]]:
    """The line and text of each docstring (True) and comment (False)."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            docstring = ast.get_docstring(node)
            if docstring:
                yield node.body[0].lineno, docstring, True
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string.lstrip("# "), False


def faults(source: str) -> Iterator[tuple[int, str]]:
    for line, text, is_docstring in texts(source):
        if match := RIDDLES.search(text) or (is_docstring and FRAGMENT.match(text)) or None:
            yield line, match[0]


@pytest.mark.parametrize("package", PACKAGES)
def test_docstrings_and_comments_are_plain(package: str) -> None:
    files = sorted((Path(settings.BASE_DIR) / package).rglob("*.py"))

    found = [f"{file}:{line}: {words}" for file in files for line, words in faults(file.read_text())]

    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "source", ['"""Of each limit."""', "x = 1  # nobody knows", 'def f():\n    """What a key may do."""'], ids=str
)
def test_riddles_and_fragments_are_found(source: str) -> None:
    assert len(list(faults(source))) == 1
