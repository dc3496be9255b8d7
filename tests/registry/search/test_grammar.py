"""MLflow's filters, as clauses."""

import pytest

from registry.search.grammar import MAX_CHARACTERS, Clause, FilterError, Value, parse_filter

SYMBOLS = ("=", "!=", "<", "<=", ">", ">=", "LIKE", "ILIKE")
WORDS = "a string in quotes or a whole number of at most 18 digits"
OPERATORS = "one of = != < <= > >= LIKE ILIKE IN NOT IN"


def attribute(name: str, operator: str, value: Value) -> Clause:
    return Clause("attribute", name, operator, value)


def tag(name: str, operator: str, value: Value) -> Clause:
    return Clause("tag", name, operator, value)


@pytest.mark.parametrize("text", ["", " ", " \t\r\n "])
def test_empty_filter_has_no_clauses(text: str) -> None:
    assert parse_filter(text) == ()


@pytest.mark.parametrize("operator", SYMBOLS)
@pytest.mark.parametrize("text", ["name{}'x'", " name {} 'x' ", "name\n{}\t'x'"])
def test_operators_with_one_value(operator: str, text: str) -> None:
    if operator.isalpha() and " " not in text and "\n" not in text:
        text = "name {}'x'"

    assert parse_filter(text.format(operator)) == (attribute("name", operator, "x"),)


@pytest.mark.parametrize(
    ("text", "clause"),
    [
        ("name like 'x'", attribute("name", "LIKE", "x")),
        ("name iLike 'x'", attribute("name", "ILIKE", "x")),
        ("name IN ('x')", attribute("name", "IN", ("x",))),
        ("name in('x','y')", attribute("name", "IN", ("x", "y"))),
        ("name IN ( 'x' , \"y\" )", attribute("name", "IN", ("x", "y"))),
        (f"run_id IN {('x',)}", attribute("run_id", "IN", ("x",))),
        ("name Not \n In ('x')", attribute("name", "NOT IN", ("x",))),
        ("version_number > 5", attribute("version_number", ">", 5)),
        ("version_number>=-5", attribute("version_number", ">=", -5)),
        ("version_number = +007", attribute("version_number", "=", 7)),
        ("version_number < 999999999999999999", attribute("version_number", "<", 10**18 - 1)),
        ("version_number = '5'", attribute("version_number", "=", "5")),
    ],
)
def test_operators_in_any_case_lists_and_numbers(text: str, clause: Clause) -> None:
    assert parse_filter(text) == (clause,)


@pytest.mark.parametrize(
    ("key", "clause"),
    [
        ("attribute.name", attribute("name", "=", "x")),
        ("attributes.name", attribute("name", "=", "x")),
        ("`name`", attribute("name", "=", "x")),
        ('attribute."name"', attribute("name", "=", "x")),
        ("metrics.rmse", attribute("metrics.rmse", "=", "x")),
        ("tag.stage", tag("stage", "=", "x")),
        ("tags.stage", tag("stage", "=", "x")),
        ("tags.mlflow.source.type", tag("mlflow.source.type", "=", "x")),
        ("tags.a-b", tag("a-b", "=", "x")),
        ("tags.1", tag("1", "=", "x")),
        ("tags.größe", tag("größe", "=", "x")),
        ("tags.and", tag("and", "=", "x")),
        ("tags.tags.a", tag("tags.a", "=", "x")),
        ("tag.`mlflow.prompt.is_prompt`", tag("mlflow.prompt.is_prompt", "=", "x")),
        ('tags."an odd = key"', tag("an odd = key", "=", "x")),
        ("tags.`a``b\"c'`", tag("a`b\"c'", "=", "x")),
        (r'tags."a\"b""c`"', tag('a"b"c`', "=", "x")),
        ("tags.`a\\`", tag("a\\", "=", "x")),
        ("tags.``", tag("", "=", "x")),
    ],
)
def test_keys(key: str, clause: Clause) -> None:
    assert parse_filter(f"{key} = 'x'") == (clause,)


@pytest.mark.parametrize(
    ("quoted", "value"),
    [
        ("''", ""),
        ('""', ""),
        ("''''", "'"),
        ("'it''s'", "it's"),
        (r"'it\'s'", "it's"),
        (r"'\''''", "''"),
        ('"it\'s"', "it's"),
        ("'say \"no\"'", 'say "no"'),
        (r'"say \"no\""', 'say "no"'),
        ('"say ""no"""', 'say "no"'),
        (r"'50\%'", r"50\%"),
        (r"'a\b'", r"a\b"),
        (r"'a\\b'", r"a\\b"),
        (r"'a\\'", "a\\"),
        (r"'a\\\'b'", r"a\'b"),
        (r"'a\\''b'", r"a\'b"),
        (r'"\\\\"', r"\\"),
        (r"'a\"b'", r"a\"b"),
        ("'a\nb\tc'", "a\nb\tc"),
        ("'`x` AND name = \"y\" -- /* ;'", '`x` AND name = "y" -- /* ;'),
        ("'\u2028\u00a0😀'", "\u2028\u00a0😀"),
        ("'x'''", "x'"),
    ],
)
def test_strings(quoted: str, value: str) -> None:
    assert parse_filter(f"name = {quoted}") == (attribute("name", "=", value),)
    assert parse_filter(f"name IN ({quoted}, {quoted})") == (attribute("name", "IN", (value, value)),)


@pytest.mark.parametrize("word", [" AND ", " and ", "\nAnd\t", "AND "])
def test_clauses_are_joined_by_and(word: str) -> None:
    text = word.join(["name = 'a'", "tags.b != 'c'", "name IN ('d')", "version_number > 1 "])

    clauses = parse_filter(text)

    assert clauses == (
        attribute("name", "=", "a"),
        tag("b", "!=", "c"),
        attribute("name", "IN", ("d",)),
        attribute("version_number", ">", 1),
    )


def test_mlflows_own_client_is_understood() -> None:
    """The filters that MlflowClient.search_registered_models sends."""
    text = "name = 'a' AND tag.`mlflow.prompt.is_prompt` != 'true'"

    assert parse_filter(text) == (attribute("name", "=", "a"), tag("mlflow.prompt.is_prompt", "!=", "true"))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("name", f"At character 5, {OPERATORS} was expected, and the end was found."),
        ("name 'x'", f'At character 6, {OPERATORS} was expected, and "\'" was found.'),
        ("name NOT LIKE 'x'", "At character 10, IN was expected, and 'LIKE' was found."),
        ("name IS NULL", f"At character 6, {OPERATORS} was expected, and 'IS' was found."),
        ("name lıke 'x'", f"At character 6, {OPERATORS} was expected, and 'lıke' was found."),
        ("name <> 'x'", f"At character 7, {WORDS} was expected, and '>' was found."),
        ("name == 'x'", f"At character 7, {WORDS} was expected, and '=' was found."),
        ("name = x", f"At character 8, {WORDS} was expected, and 'x' was found."),
        ("name = `x`", f"At character 8, {WORDS} was expected, and '`' was found."),
        ("name = ('x')", f"At character 8, {WORDS} was expected, and '(' was found."),
        ("name =", f"At character 7, {WORDS} was expected, and the end was found."),
        ("n = 1.5", f"At character 5, {WORDS} was expected, and '1.5' was found."),
        ("n = -x", f"At character 5, {WORDS} was expected, and '-x' was found."),
        ("n = 1e3", f"At character 5, {WORDS} was expected, and '1e3' was found."),
        ("n = ٣", f"At character 5, {WORDS} was expected, and '٣' was found."),
        (f"n = {'9' * 5000}", f"At character 5, {WORDS} was expected, and '{'9' * 30}' was found."),
        ("name = 'x", "The ' at character 8 is never closed."),
        ("name = 'x''", "The ' at character 8 is never closed."),
        (r"name = 'x\'", "The ' at character 8 is never closed."),
        ("name = \"x'", 'The " at character 8 is never closed.'),
        ("tags.`x = 'y'", "The ` at character 6 is never closed."),
        ("name IN 'x'", 'At character 9, a list in parentheses was expected, and "\'" was found.'),
        ("name IN ()", "At character 10, a string in quotes was expected, and ')' was found."),
        ("name IN (,)", "At character 10, a string in quotes was expected, and ',' was found."),
        ("name IN (1)", "At character 10, a string in quotes was expected, and '1' was found."),
        ("name IN ('x',,)", "At character 14, a string in quotes or `)` was expected, and ',' was found."),
        ("name IN ('x' 'y')", 'At character 14, `,` or `)` was expected, and "\'" was found.'),
        ("name IN (('x'))", "At character 10, a string in quotes was expected, and '(' was found."),
        ("name IN ('x'", "At character 13, `,` or `)` was expected, and the end was found."),
        ("name = 'x' OR name = 'y'", "At character 12, AND was expected, and 'OR' was found."),
        ("name = 'x' name = 'y'", "At character 12, AND was expected, and 'name' was found."),
        ("name = 'x';", "At character 11, AND was expected, and ';' was found."),
        ("name = 'x' -- y", "At character 12, AND was expected, and '-' was found."),
        ("name = 'x' AND", "At character 15, an attribute or a tag was expected, and the end was found."),
        ("AND name = 'x'", "At character 1, an attribute or a tag was expected, and 'AND' was found."),
        ("name = 'x' AND AND", "At character 16, an attribute or a tag was expected, and 'AND' was found."),
        ("(name = 'x')", "At character 1, an attribute or a tag was expected, and '(' was found."),
        ("'name' = 'x'", 'At character 1, an attribute or a tag was expected, and "\'" was found.'),
        ("tags. = 'x'", "At character 6, a key was expected, and ' ' was found."),
        ("name = 'a\0b'", r"Character 10 is '\x00', which text must not contain."),
        ("name = '\ud800'", r"Character 9 is '\ud800', which text must not contain."),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text: str, sentence: str) -> None:
    with pytest.raises(FilterError) as raised:
        parse_filter(text)

    assert str(raised.value) == sentence


@pytest.mark.parametrize(
    ("most", "sentence"),
    [
        (" AND ".join(["a = 'b'"] * 50), "A filter has at most 50 clauses."),
        (f"a = 'b' AND c IN ({', '.join(['1'] * 499)})".replace("1", "''"), "A filter has at most 500 values."),
        ("a = 'b'".ljust(MAX_CHARACTERS - 10), "The text has 10002 characters; at most 10000 are allowed."),
    ],
)
def test_bounds(most: str, sentence: str) -> None:
    assert parse_filter(most)

    with pytest.raises(FilterError) as raised:
        parse_filter(f"{most} AND a = 'b'")

    assert str(raised.value) == sentence
