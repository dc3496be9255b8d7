"""Hostile filters, and any text that hypothesis makes up."""

import random
import time
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from registry.search.grammar import MAX_CHARACTERS, Clause, FilterError, parse_filter

SYMBOLS = ("=", "!=", "<", "<=", ">", ">=", "LIKE", "ILIKE")


@pytest.mark.parametrize(
    "text",
    [
        "'" * MAX_CHARACTERS,
        "name = '" + "\\" * 9_000,
        "name = '" + "\\" * 9_000 + "x'",
        "name = '" + "\\'" * 4_900,
        "name = '" + "''" * 4_900,
        "tags." + "`" * 9_000,
        "name" + " " * 9_900 + "= 'x'",
        "name NOT" + " " * 9_900,
        "name IN (" + "'a'," * 2_400,
        "name IN " + "(" * 9_900,
        "a.b-" * 2_500,
        "n = " + "1." * 4_900,
        " AND " * 2_000,
        "x" * 100_000,
    ],
)
def test_hostile_text_takes_no_time(text: str) -> None:
    begun = time.process_time()
    with suppress(FilterError):
        parse_filter(text)

    assert time.process_time() - begun < 1, "what is not linear takes far longer"


TOKENS = [
    "name",
    "tags.",
    "=",
    "LIKE",
    "NOT",
    "IN",
    "(",
    ")",
    ",",
    "'",
    '"',
    "`",
    "\\",
    "AND",
    " ",
    "x",
    "1",
    "\0",
    "é",
]


@given(st.text() | st.lists(st.sampled_from(TOKENS), max_size=30).map("".join))
@example("name = '" + "\\" * 3)
def test_any_text_is_parsed_or_refused_with_one_sentence(text: str) -> None:
    try:
        clauses = parse_filter(text)
    except FilterError as error:
        sentence = str(error)
        assert sentence.endswith(".")
        assert "\n" not in sentence
    else:
        assert all(isinstance(clause, Clause) for clause in clauses)


def quoted(text: str, quote: str, doubled: bool) -> str:
    """As the module's docstring describes: backslashes are doubled where a quote follows, and quotes are marked."""
    written, backslashes = "", 0
    for character in text:
        if character == quote:
            written += "\\" * backslashes + (quote * 2 if doubled else f"\\{quote}")
        else:
            written += character
        backslashes = backslashes + 1 if character == "\\" else 0
    return f"{quote}{written}{chr(92) * backslashes}{quote}"


def rendered(clause: Clause, chance: random.Random) -> str:
    def string(text: str) -> str:
        return quoted(text, chance.choice("'\""), chance.random() < 0.5)

    key = chance.choice([quoted(clause.name, '"', True), f"`{clause.name.replace('`', '``')}`"])
    prefix = chance.choice(["tag.", "tags."] if clause.kind == "tag" else ["", "attribute.", "attributes."])
    value = clause.value
    if isinstance(value, tuple):
        right = f"({', '.join(map(string, value))}{chance.choice(['', ','])})"
    else:
        right = string(value) if isinstance(value, str) else str(value)
    operator = chance.choice([clause.operator, clause.operator.lower()])
    return chance.choice([" ", "\n"]).join([prefix + key, operator, right])


strings = st.text(st.sampled_from("ab'\"`\\%_ é") | st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
small = strings.filter(lambda text: len(text) < 30)
clauses = st.builds(
    Clause, st.sampled_from(["attribute", "tag"]), small, st.sampled_from(SYMBOLS), small | st.integers(-99, 10**17)
) | st.builds(
    Clause,
    st.sampled_from(["attribute", "tag"]),
    small,
    st.sampled_from(["IN", "NOT IN"]),
    st.lists(small, min_size=1, max_size=5).map(tuple),
)


@given(st.lists(clauses, max_size=8), st.integers())
def test_clauses_written_as_text_are_read_back(given_clauses: list[Clause], seed: int) -> None:
    chance = random.Random(seed)
    text = chance.choice([" AND ", "\nand "]).join(rendered(clause, chance) for clause in given_clauses)

    assert parse_filter(text) == tuple(given_clauses)
