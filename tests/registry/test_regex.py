"""registry.regex: ECMA-262's expressions, which mean the same as in Python's `re` where both have them."""

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
        expected = re.search(pattern.replace("$", r"\Z"), text)
    except (PatternError, re.error):
        assume(False)

    assert taken.search(text) == bool(expected)


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
        ("^a|b$", "ca", False),
        ("(^a|b)c", "ac", True),
        ("a$b", "ab", False),
        (".", "\r", False),
        (".", "\u2028", False),
        ("^.$", "\U0001f600", True),
        (r"^\ud83d\ude00$", "\U0001f600", True),
        (r"^\u{1F600}$", "\U0001f600", True),
        (r"^[\u{1F600}-\u{1F64F}]$", "\U0001f601", True),
        (r"^\w+$", "é", False),
        (r"^\W$", "é", True),
        (r"^\s$", "\u00a0", True),
        (r"^[\s]$", "\v", True),
        (r"\S|[\S]", "\u2003\ufeff\n", False),
        (r"^[^\S]$", "\u3000", True),
        (r"\bword\b", "a word.", True),
        (r"\bword\b", "swords", False),
        (r"^[\b]$", "\b", True),
        (r"^\cA\0$", "\x01\x00", True),
        (r"^\p{L}+$", "aé長", True),
        (r"^\P{L}$", "1", True),
        ("^(?<year>[0-9]{4})$", "2026", True),
        ("^[[:alpha:]]$", "a]", True),
        ("^[[:alpha:]]$", "b", False),
        ("^a{0}$", "", True),
    ],
)
def test_pattern_means_what_it_means_in_ecmascript(pattern: str, text: str, found: bool) -> None:
    assert Pattern(pattern).search(text) is found


@pytest.mark.parametrize(
    "pattern",
    [
        r"\u12", "a**", "a++", "a{2}{3}", "a{3,1}", "{", "a{,3}", "a(", "a)", "[a", "[z-a]", "\\", "*", "(?P<n>a)",
        "(?i)a", r"\Qa", r"\A", r"\z", r"\a", r"\pL", r"\x{41}", r"[\B]", r"\p{NoSuch}", r"\u{110000}",
    ],
)  # fmt: skip
def test_what_is_not_ecmascript_is_refused(pattern: str) -> None:
    with pytest.raises(PatternError):
        Pattern(pattern)


@pytest.mark.parametrize("pattern", [r"(a)\1", r"(?<n>a)\k<n>", "(?=a)", "(?!a)", "(?<=a)", "(?<!a)"])
def test_look_around_and_back_references_are_refused_by_name(pattern: str) -> None:
    with pytest.raises(PatternError, match="look-around and back-references"):
        Pattern(pattern)


@pytest.mark.parametrize(
    "pattern",
    ["a{1001}", "((a{30}){30}){30}", "x" * 1_001, r"\p{L}" * 150, "(.{20}){50}(.{20}){50}", "(" * 999 + ")"],
)
def test_what_takes_too_much_memory_is_refused(pattern: str) -> None:
    with pytest.raises(PatternError):
        Pattern(pattern)


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|a)*$", "(a*)*$", "(a?){250}a{250}$", "(.*){20}b$", "a*a*a*a*a*a*b"])
def test_unlucky_pattern_takes_work_in_proportion(pattern: str) -> None:
    spent: list[int] = []

    Pattern(pattern).search("a" * 20_000 + "!", spent.append)
    Pattern(pattern).search("a" * 200_000 + "!", spent.append)

    once, ten_times = spent
    assert ten_times <= 10 * once <= 1_500_000


def test_work_is_announced_before_it_is_done() -> None:
    def refuse(_steps: int) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        Pattern("a").search("a", refuse)
