r"""MLflow's filters, `name LIKE 'churn%' AND tags.stage = 'live'`, as clauses that know of no database.

    filter   = [clause {AND clause}]
    clause   = ["attribute." | "attributes." | "tag." | "tags."] key (operator value | ["NOT"] IN list)
    key      = letters, digits and `_.-`, or anything in backticks or double quotes
    operator = "=" | "!=" | "<" | "<=" | ">" | ">=" | "LIKE" | "ILIKE"
    value    = a string in single or double quotes, or a whole number
    list     = "(" string {"," string} [","] ")"

Followed is mlflow/utils/search_utils.py of MLflow 3.17 (SearchModelUtils, SearchModelVersionUtils), which has sqlparse
split the text. Like there, a quote inside a string is doubled or comes after a backslash, and a backslash elsewhere
stands for itself. Unlike there, a quote so written becomes one quote: MLflow hands both characters on, and so cannot
find a name with both kinds of quotes. A backslash right before a quote, as text may end in one, is written twice.
"""

import re
from collections.abc import Callable
from typing import Literal, NamedTuple, TypeVar

MAX_CHARACTERS = 10_000
MAX_CLAUSES = 50
MAX_VALUES = 500
MAX_DIGITS = 18  # fits in PostgreSQL's bigint

# None of these tries a character twice: `*+` and `++` never go back, so hostile text costs no more than other text.
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
WITHIN = {"'": re.compile(r"(\\++)('*+)|('++)"), '"': re.compile(r'(\\++)("*+)|("++)')}
UNSTORABLE = re.compile("[\0\ud800-\udfff]")
SYMBOLS = ("!=", "<=", ">=", "=", "<", ">")
KEYWORDS = ("AND", "OR", "NOT", "IN", "LIKE", "ILIKE", "IS")

T = TypeVar("T")
Value = str | int | tuple[str, ...]
Kind = Literal["attribute", "tag"]


class Clause(NamedTuple):
    """`operator` is in capitals, with one space in NOT IN; with IN and NOT IN the value is a tuple, otherwise not."""

    kind: Kind
    name: str
    operator: str
    value: Value


class FilterError(ValueError):
    """One sentence: what is wrong with a filter, and where. It is fit for the client's eyes."""


def any_key(_kind: Kind, _name: str) -> None:
    """The check of keys that refuses none."""


def parse_filter(text: str, check_key: Callable[[Kind, str], None] = any_key) -> tuple[Clause, ...]:
    """The clauses of a filter, all of which are to hold; none for text of spaces. Raises FilterError only.

    `check_key` raises it for a key that does not exist, before anything is said about the value that it is compared
    with."""
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
            raise error(f"At most {MAX_CHARACTERS} characters are taken; these are {len(text)}.")
        if unstorable := UNSTORABLE.search(text):
            raise error(f"Character {unstorable.start() + 1} is {unstorable[0]!r}, which no text may hold.")
        self._text, self._error, self._at = text, error, 0
        self._skip_spaces()

    @property
    def ended(self) -> bool:
        return self._at == len(self._text)

    @property
    def position(self) -> int:
        return self._at + 1

    def expected(self, what: str) -> ValueError:
        found = NUMBER.match(self._text, self._at)
        shown = repr(found[0][:30] if found else self._text[self._at]) if not self.ended else "the end"
        return self._error(f"At character {self.position}, {what} was expected, and {shown} was found.")

    def symbol(self, *symbols: str) -> str | None:
        for symbol in symbols:
            if self._text.startswith(symbol, self._at):
                return self._take(self._at + len(symbol), symbol)
        return None

    def keyword(self, *keywords: str) -> str | None:
        """The next word, in capitals, if it is one of these, in any case."""
        word = WORD.match(self._text, self._at)
        return self._take(word.end(), word[0].upper()) if word and _keyword(word[0]) in keywords else None

    def key(self, what: str) -> tuple[str, str]:
        """The prefix before a key with its dot, or "", and the key. An error says that `what` was expected."""
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
        """What the next pair of quotes holds, if it is one of these kinds."""
        quote = self._text[self._at : self._at + 1]
        if not quote or quote not in quotes:
            return None
        found = QUOTED[quote].match(self._text, self._at)
        if found is None:
            raise self._error(f"The {quote} at character {self.position} is never closed.")
        return self._take(found.end(), _unescaped(found[1], quote))

    def number(self) -> int | None:
        found = NUMBER.match(self._text, self._at)
        if found is None or (number := whole_number(found[0])) is None:
            return None
        return self._take(found.end(), number)

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
    """A comma may follow the last: a Python tuple of one, pasted into a filter, has one."""
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
    """In capitals; but not letters that only become a keyword's when they are made capital, as the dotless i does."""
    return word.upper() if word.isascii() else word


def _unescaped(text: str, quote: str) -> str:
    if quote == "`":
        return text.replace("``", "`")

    def plain(found: re.Match[str]) -> str:
        backslashes, quotes = len(found[1] or ""), len(found[2] or found[3] or "")
        if not quotes and found.end() < len(text):
            return found[0]
        return "\\" * (backslashes // 2) + quote * ((quotes + backslashes % 2) // 2)

    return WITHIN[quote].sub(plain, text)
