r"""Parses MLflow's filters, such as `name LIKE 'churn%' AND tags.stage = 'live'`, into clauses.

    filter   = [clause {AND clause}]
    clause   = ["attribute." | "attributes." | "tag." | "tags."] key (operator value | ["NOT"] IN list)
    key      = letters, digits and `_.-`, or anything in backticks or double quotes
    operator = "=" | "!=" | "<" | "<=" | ">" | ">=" | "LIKE" | "ILIKE"
    value    = a string in single or double quotes, or a whole number
    list     = "(" string {"," string} [","] ")"

Source: mlflow/utils/search_utils.py of MLflow 3.17 (SearchModelUtils, SearchModelVersionUtils), which splits the text
by sqlparse. As there, a quote inside a string is doubled or escaped by a backslash, and any other backslash is literal.
Unlike there, an escaped quote is read as one quote: MLflow keeps both characters and so cannot find a name that has
both kinds of quotes. A literal backslash before a quote, such as one at the end of a string, is written twice.
"""

import re
from collections.abc import Callable
from typing import Literal, NamedTuple, TypeVar

MAX_CHARACTERS = 10_000
MAX_CLAUSES = 50
MAX_VALUES = 500
MAX_DIGITS = 18  # fits into PostgreSQL's bigint

# The possessive quantifiers `*+` and `++` never backtrack, so that hostile text takes no more time than other text.
SPACES = re.compile(r"\s*+")
WORD = re.compile(r"\w++")
KEY = re.compile(r"[\w.\-]++")
PREFIX = re.compile(r"(?:attribute|tag)s?\.")
NUMBER = re.compile(r"[+\-]?[\w.]++")
QUOTED = {
    "'": re.compile(r"'((?:[^'\\]|\\.|'')*+)'", re.DOTALL),
    '"': re.compile(r'"((?:[^"\\]|\\.|"")*+)"', re.DOTALL),
    "`": re.compile(r"`((?:[^`]|``)*+)`"),
}
ESCAPES = {"'": re.compile(r"(\\++)('*+)|('++)"), '"': re.compile(r'(\\++)("*+)|("++)')}
UNSTORABLE = re.compile("[\0\ud800-\udfff]")
SYMBOLS = ("!=", "<=", ">=", "=", "<", ">")
KEYWORDS = ("AND", "OR", "NOT", "IN", "LIKE", "ILIKE", "IS")

T = TypeVar("T")
Value = str | int | tuple[str, ...]
Kind = Literal["attribute", "tag"]


class Clause(NamedTuple):
    """One comparison. `operator` is in capitals, with one space in NOT IN. IN and NOT IN have a tuple as the value."""

    kind: Kind
    name: str
    operator: str
    value: Value


class FilterError(ValueError):
    """A sentence for the client that says what is wrong with a filter, and where."""


def any_key(_kind: Kind, _name: str) -> None:
    """Accept every key: the default of `check_key`."""


def parse_filter(text: str, check_key: Callable[[Kind, str], None] = any_key) -> tuple[Clause, ...]:
    """Return the clauses of a filter, which are joined by AND; none for blank text. Raises only FilterError.

    `check_key` raises it for a key that does not exist. That error comes before one about the key's value.
    """
    reader = Reader(text, FilterError)
    clauses: list[Clause] = []
    values = 0
    if reader.ended:
        return ()
    while True:
        clauses.append(_clause(reader, check_key))
        values += len(clauses[-1].value) if isinstance(clauses[-1].value, tuple) else 1
        if len(clauses) > MAX_CLAUSES:
            raise FilterError(f"A filter has at most {MAX_CLAUSES} clauses.")
        if values > MAX_VALUES:
            raise FilterError(f"A filter has at most {MAX_VALUES} values.")
        if reader.ended:
            return tuple(clauses)
        if not reader.keyword("AND"):
            raise reader.expected("AND")


class Reader:
    """Reads text from left to right. Positions in its errors count characters, from 1."""

    def __init__(self, text: str, error: Callable[[str], ValueError]) -> None:
        if len(text) > MAX_CHARACTERS:
            raise error(f"The text has {len(text)} characters; at most {MAX_CHARACTERS} are allowed.")
        if unstorable := UNSTORABLE.search(text):
            raise error(f"Character {unstorable.start() + 1} is {unstorable[0]!r}, which text must not contain.")
        self._text, self._error, self._at = text, error, 0
        self._skip_spaces()

    @property
    def ended(self) -> bool:
        return self._at == len(self._text)

    @property
    def position(self) -> int:
        return self._at + 1

    def expected(self, what: str) -> ValueError:
        """Return an error that says what was expected here, and what the text has instead."""
        word = NUMBER.match(self._text, self._at)
        actual = repr(word[0][:30] if word else self._text[self._at]) if not self.ended else "the end"
        return self._error(f"At character {self.position}, {what} was expected, and {actual} was found.")

    def symbol(self, *symbols: str) -> str | None:
        """Read the first of these symbols that comes next, if one does."""
        for symbol in symbols:
            if self._text.startswith(symbol, self._at):
                return self._take(self._at + len(symbol), symbol)
        return None

    def keyword(self, *keywords: str) -> str | None:
        """Read the next word if it is one of these in any case, and return it in capitals."""
        word = WORD.match(self._text, self._at)
        return self._take(word.end(), word[0].upper()) if word and _keyword(word[0]) in keywords else None

    def key(self, what: str) -> tuple[str, str]:
        """Read a key. Return its prefix with the dot, or "", and the key. The error says that `what` was expected."""
        prefix = PREFIX.match(self._text, self._at)
        if prefix:
            self._at, what = prefix.end(), "a key"
        key = self.quoted('`"')
        if key is None:
            bare = KEY.match(self._text, self._at)
            if bare is None or (not prefix and _keyword(bare[0]) in KEYWORDS):
                raise self.expected(what)
            key = self._take(bare.end(), bare[0])
        return prefix[0] if prefix else "", key

    def quoted(self, quotes: str) -> str | None:
        """Read a quoted string if one begins here with one of these quotes, and return its content."""
        quote = self._text[self._at : self._at + 1]
        if not quote or quote not in quotes:
            return None
        string = QUOTED[quote].match(self._text, self._at)
        if string is None:
            raise self._error(f"The {quote} at character {self.position} is never closed.")
        return self._take(string.end(), _unescaped(string[1], quote))

    def number(self) -> int | None:
        """Read a whole number if one begins here."""
        word = NUMBER.match(self._text, self._at)
        if word is None or (number := whole_number(word[0])) is None:
            return None
        return self._take(word.end(), number)

    def _take(self, end: int, value: T) -> T:
        self._at = end
        self._skip_spaces()
        return value

    def _skip_spaces(self) -> None:
        spaces = SPACES.match(self._text, self._at)
        self._at = spaces.end() if spaces else self._at


def whole_number(text: str) -> int | None:
    return int(text) if re.fullmatch(rf"[+\-]?[0-9]{{1,{MAX_DIGITS}}}", text) else None


def _clause(reader: Reader, check_key: Callable[[Kind, str], None]) -> Clause:
    prefix, name = reader.key("an attribute or a tag")
    kind: Kind = "tag" if prefix.startswith("tag") else "attribute"
    check_key(kind, name)
    operator = _operator(reader)
    value: Value | None
    if operator in {"IN", "NOT IN"}:
        value = _list(reader)
    else:
        value = reader.quoted("'\"")
        value = reader.number() if value is None else value
        if value is None:
            raise reader.expected(f"a string in quotes or a whole number of at most {MAX_DIGITS} digits")
    return Clause(kind, name, operator, value)


def _operator(reader: Reader) -> str:
    operator = reader.symbol(*SYMBOLS) or reader.keyword("LIKE", "ILIKE", "IN")
    if operator is None and reader.keyword("NOT"):
        if not reader.keyword("IN"):
            raise reader.expected("IN")
        operator = "NOT IN"
    if operator is None:
        raise reader.expected("one of = != < <= > >= LIKE ILIKE IN NOT IN")
    return operator


def _list(reader: Reader) -> tuple[str, ...]:
    """Read a list. A comma may follow the last item, as in a Python tuple of one that was pasted into a filter."""
    if not reader.symbol("("):
        raise reader.expected("a list in parentheses")
    value = reader.quoted("'\"")
    if value is None:
        raise reader.expected("a string in quotes")
    values = [value]
    while reader.symbol(","):
        value = reader.quoted("'\"")
        if value is None:
            break
        values.append(value)
    if not reader.symbol(")"):
        raise reader.expected("a string in quotes or `)`" if value is None else "`,` or `)`")
    return tuple(values)


def _keyword(word: str) -> str:
    """Return an ASCII word in capitals. The dotless i, for example, would become a keyword's letter in capitals."""
    return word.upper() if word.isascii() else word


def _unescaped(text: str, quote: str) -> str:
    if quote == "`":
        return text.replace("``", "`")

    def unescape(run: re.Match[str]) -> str:
        backslashes, quotes = len(run[1] or ""), len(run[2] or run[3] or "")
        if not quotes and run.end() < len(text):
            return run[0]
        return "\\" * (backslashes // 2) + quote * ((quotes + backslashes % 2) // 2)

    return ESCAPES[quote].sub(unescape, text)
