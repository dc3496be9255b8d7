"""Regular expressions of clients' JSON Schemas, matched in linear time.

JSON Schema takes the expressions of ECMA-262 (with its flag `u`). They are translated into those of RE2, which follows
all alternatives at once: Python's `re` tries one after the other, and `(a+)+$` keeps it busy for hours with forty
letters. Look-around and back-references are refused, because RE2 has none.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import re2

MAX_LENGTH = 1_000  # characters of a pattern
MAX_MEMORY = 256 << 10  # bytes, for a pattern's program and the states that its searches have reached
BYTES_PER_STEP = 128  # of the text, times the program's size: measured up to 7.4 ns each, and a step is about 1 µs

SPACE = r"\t-\r \x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}\x{feff}"
NO_SPACE = (
    r"\x{0}-\x{8}\x{e}-\x{1f}!-\x{9f}\x{a1}-\x{167f}\x{1681}-\x{1fff}\x{200b}-\x{2027}\x{202a}-\x{202e}"
    r"\x{2030}-\x{205e}\x{2060}-\x{2fff}\x{3001}-\x{fefe}\x{ff00}-\x{10ffff}"
)
# What RE2 understands differently, outside of a class and within one.
OUTSIDE = {".": r"[^\n\r\x{2028}\x{2029}]", r"\s": f"[{SPACE}]", r"\S": f"[^{SPACE}]"}
INSIDE = {"[": r"\[", r"\b": r"\x{8}", r"\s": SPACE, r"\S": NO_SPACE}

CODE_POINT = re.compile(
    r"\\u(?P<high>[dD][89abAB][\da-fA-F]{2})\\u(?P<low>[dD][c-fC-F][\da-fA-F]{2})"
    r"|\\u\{0*(?P<braced>[\da-fA-F]{1,6})\}|\\u(?P<unit>[\da-fA-F]{4})|\\x(?P<byte>[\da-fA-F]{2})"
    r"|\\c(?P<control>[A-Za-z])|\\(?P<nul>0)(?!\d)",
    re.ASCII,
)
LITERAL = r"\\(?:[dDwWsSbnrtfv]|[pP]\{\w+\}|[^\w\s])"
TOKEN_OUTSIDE = re.compile(
    rf"{LITERAL}|\\B|\[\^?\]?|\(\?:|\(\?<[A-Za-z_]\w*>|\((?!\?)|\{{\d+(?:,\d*)?\}}|[^\\\[({{]", re.ASCII | re.DOTALL
)
TOKEN_INSIDE = re.compile(rf"{LITERAL}|[^\\]", re.ASCII | re.DOTALL)
NOT_LINEAR = re.compile(r"\\[1-9k]|\(\?<?[=!]")


class PatternError(ValueError):
    """The error of a pattern, as one sentence for the client."""


class Pattern:
    """A compiled pattern; `Pattern.compile` keeps the last ones. Raises PatternError."""

    def __init__(self, text: str) -> None:
        if len(text) > MAX_LENGTH:
            raise PatternError(f"A pattern has at most {MAX_LENGTH} characters.")
        options = re2.Options()
        options.max_mem, options.never_capture, options.log_errors = MAX_MEMORY, True, False
        try:
            self._compiled: Any = re2.compile(_translate(text).encode(), options)
        except re2.error as error:
            reason = error.args[0].decode(errors="replace")
            raise PatternError(f"This is not an expression that the service can apply: {reason[:100]}.") from None

    @staticmethod
    @lru_cache(maxsize=128)
    def compile(text: str) -> "Pattern":
        return Pattern(text)

    def search(self, text: str, spend: Callable[[int], None] = lambda _: None) -> bool:
        """Whether the pattern matches anywhere in the text. Calls `spend` first, with the most steps that the match can
        take."""
        encoded = text.encode()
        spend(1 + len(encoded) * self._compiled.programsize // BYTES_PER_STEP)
        return self._compiled.search(encoded) is not None


def _translate(text: str) -> str:
    """The ECMA-262 expression as RE2 writes it. What RE2 knows and ECMA-262 does not is refused."""
    parts: list[str] = []
    at, inside = 0, False
    while at < len(text):
        code_point = CODE_POINT.match(text, at)
        token = code_point or (TOKEN_INSIDE if inside else TOKEN_OUTSIDE).match(text, at)
        if token is None:
            raise _refused(text, at)
        if code_point:
            parts.append(_escaped(code_point))
        else:
            parts.append((INSIDE if inside else OUTSIDE).get(token[0], token[0]))
            inside = token[0] != "]" if inside else token[0].startswith("[")
        at = token.end()
    return "".join(parts)


def _escaped(match: re.Match[str]) -> str:
    """A code point, however it was written."""
    if match["high"]:
        code = 0x10000 + ((int(match["high"], 16) & 0x3FF) << 10) + (int(match["low"], 16) & 0x3FF)
    elif match["control"]:
        code = ord(match["control"]) % 32
    else:
        code = int(match["braced"] or match["unit"] or match["byte"] or match["nul"], 16)
    return rf"\x{{{code:x}}}"


def _refused(text: str, at: int) -> PatternError:
    if NOT_LINEAR.match(text, at):
        reason = "look-around and back-references cannot be matched in linear time, and are not supported"
    else:
        reason = "this is not one of ECMA-262's expressions that the service can apply"
    return PatternError(f"At character {at + 1}, {text[at : at + 20]!r}: {reason}.")
