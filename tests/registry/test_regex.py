"""registry.regex: what it takes means what Python's `re` makes of it, in linear time."""

import re

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from registry.regex import Pattern, PatternError

PARTS = [
    "a",
    "b",
    "(",
    "(?:",
    ")",
    "|",
    "*",
    "+",
    "?",
    "{2}",
    "{1,2}",
    "{0,1}",
    "{1,}",
    "[ab]",
    "[^a]",
    ".",
    "^",
    "$",
    r"\w",
]


@given(st.lists(st.sampled_from(PARTS), max_size=9).map("".join), st.text("abc", max_size=7))
@example("^a|b$", "ba")
@example("(a|){3}b", "aab")
@example("a+?$", "ba")
def test_pattern_finds_what_pythons_re_finds(pattern: str, text: str) -> None:
    try:
        taken = Pattern(pattern)
    except PatternError:
        assume(False)

    assert taken.search(text) == bool(re.search(pattern.replace("$", r"\Z"), text))


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        (r"^\d{4}-\d\d$", "2026-01", True),
        (r"^\d$", "\u0663", False),
        (r"^[^\]\\]+$", "ab", True),
        (r"^[]a]$", "]", True),
        (r"^\[\u00e9\x41\]\/$", "[éA]/", True),
        ("^a$", "a\n", False),
        (".", "\n", False),
        ("", "", True),
        ("^$", "a", False),
        ("}", "}", True),
    ],
)
def test_pattern_means_what_a_schemas_author_expects(pattern: str, text: str, found: bool) -> None:
    assert Pattern(pattern).search(text) is found


@pytest.mark.parametrize(
    "pattern",
    [
        r"(a)\1", "(?=a)", "(?!a)", "(?<=a)", "(?P<n>a)", "(?i)a", r"\bword", r"\p{L}", r"\u12", "a**", "a++",
        "a{2}{3}", "a{3,1}", "a{0}", "{", "a(", "a)", "(^a)", "a$b", "[a", "[z-a]", "\\", "*", "a{501}",
        "((a{30}){30}){30}", "x" * 1_001,
        "(" * 21 + "a" + ")" * 21,
    ],
)  # fmt: skip
def test_what_no_automaton_of_bounded_size_can_do_is_refused(pattern: str) -> None:
    with pytest.raises(PatternError):
        Pattern(pattern)


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|a)*$", "(a*)*$", "(a?){250}a{250}$", "(.*){20}b$", "a*a*a*a*a*a*b"])
def test_unlucky_pattern_takes_work_in_proportion(pattern: str) -> None:

    spent: list[int] = []

    Pattern(pattern).search("a" * 20_000 + "!", spent.append)

    assert sum(spent) <= 6 * 20_001


def test_work_is_told() -> None:
    spent: list[int] = []

    Pattern("^(a|b)*$").search("ab" * 50, spent.append)

    assert 100 <= sum(spent) <= 500
