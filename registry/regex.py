"""Regular expressions of strangers, matched in linear time.

Python's `re` tries one way after the other, and `(a+)+$` keeps it busy for hours with forty letters. Here all ways are
followed at once (Glushkov's automaton, its states the bits of an integer), so each character costs one step. No
engine of this kind comes with Python, and what a schema's `pattern` needs is small: characters, `.`, classes,
`\\d \\w \\s` (of ASCII, as in ECMAScript), groups, `|`, `* + ? {m,n}`, and `^` and `$` at the ends of the whole or of
its alternatives.
What no automaton can do, back-references and look-around, is refused.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

MAX_LENGTH = 1_000
MAX_POSITIONS = 500  # characters of the pattern, each as often as it is repeated
MAX_GROUPS = 20  # one within the other
CLASS = re.compile(r"\[\^?\]?(?:[^\]\\]|\\.)*\]", re.DOTALL)
ESCAPE = re.compile(r"\\(?:[dDwWsSnrtfv]|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|[^\w\s])", re.ASCII)
COUNT = re.compile(r"\{([0-9]{1,4})(,?)([0-9]{1,4})?\}", re.ASCII)
SIMPLE = {"*": (0, None), "+": (1, None), "?": (0, 1)}

Spend = Callable[[int], None]


class PatternError(ValueError):
    """One sentence: what is wrong with a pattern, and where. It is fit for the client's eyes."""


class Part(NamedTuple):
    """A piece of the automaton: whether it matches nothing, too, and at which positions it begins and ends."""

    nullable: bool
    first: int
    last: int


class Branch(NamedTuple):
    """One of the pattern's outermost alternatives."""

    whole: Part
    from_start: bool
    to_end: bool


class Pattern:
    """A compiled pattern; `Pattern.compile` keeps the last ones. Raises PatternError."""

    def __init__(self, text: str) -> None:
        if len(text) > MAX_LENGTH:
            raise PatternError(f"A pattern has at most {MAX_LENGTH} characters.")
        self._follow: list[int] = []
        self._literals: dict[str, int] = {}
        self._classes: dict[str, tuple[re.Pattern[str], int]] = {}
        self._branches = _Reader(text, self).branches()
        self.cost = 200 * len(text) + len(self._follow) ** 2 // 8  # of building it, in steps of a search

    @staticmethod
    @lru_cache(maxsize=256)
    def compile(text: str) -> "Pattern":
        return Pattern(text)

    def search(self, text: str, spend: Spend = lambda _: None) -> bool:
        """Whether the pattern matches anywhere in the text. `spend` is told of the work, in steps."""
        masks: dict[str, int] = {}
        return any(self._found(branch, text, masks, spend) for branch in self._branches)

    def _found(self, branch: Branch, text: str, masks: dict[str, int], spend: Spend) -> bool:
        whole = branch.whole
        if whole.nullable and not (branch.from_start and branch.to_end and text):
            return True
        reached: dict[int, int] = {}  # the states from which others were computed already
        state = 0
        for at, character in enumerate(text):
            if character not in masks:
                spend(1 + len(self._classes))
                masks[character] = self._mask(character)
            if state not in reached:
                spend(1 + state.bit_count())
                reached[state] = self._after(state)
            spend(1)
            begun = whole.first if at == 0 or not branch.from_start else 0
            state = (reached[state] | begun) & masks[character]
            if state & whole.last and not branch.to_end:
                return True
            if not state and branch.from_start:
                return False
        return bool(state & whole.last)

    def _after(self, state: int) -> int:
        return _union(self._follow, state)

    def _mask(self, character: str) -> int:
        mask = self._literals.get(character, 0)
        for expression, positions in self._classes.values():
            if expression.fullmatch(character):
                mask |= positions
        return mask

    def add(self, atom: str) -> Part:
        """A position at which a character is taken: a literal one, or one of a class."""
        if len(self._follow) >= MAX_POSITIONS:
            raise PatternError(f"The pattern, its repetitions written out, is longer than {MAX_POSITIONS} characters.")
        bit = 1 << len(self._follow)
        self._follow.append(0)
        if len(atom) == 1 and atom != ".":
            self._literals[atom] = self._literals.get(atom, 0) | bit
        else:
            expression, positions = self._classes.get(atom) or (_class(atom), 0)
            self._classes[atom] = (expression, positions | bit)
        return Part(False, bit, bit)

    def join(self, left: Part, right: Part) -> Part:
        """One after the other."""
        self._link(left.last, right.first)
        first = left.first | right.first if left.nullable else left.first
        last = left.last | right.last if right.nullable else right.last
        return Part(left.nullable and right.nullable, first, last)

    def loop(self, part: Part) -> Part:
        """Once or more."""
        self._link(part.last, part.first)
        return part

    def _link(self, ends: int, beginnings: int) -> None:
        while ends:
            bit = ends & -ends
            self._follow[bit.bit_length() - 1] |= beginnings
            ends ^= bit


NOTHING = Part(True, 0, 0)


class _Reader:
    """Reads a pattern and builds its automaton. A part that is repeated is read again for each time."""

    def __init__(self, text: str, pattern: Pattern) -> None:
        self.text, self.pattern = text, pattern
        self.at = self.depth = 0

    def branches(self) -> list[Branch]:
        found = []
        while True:
            from_start = self._take("^")
            whole = self._sequence()
            found.append(Branch(whole, from_start, self._take("$")))
            if self.at == len(self.text):
                return found
            if not self._take("|"):
                raise self._refused()

    def _alternatives(self) -> Part:
        whole = self._sequence()
        while self._take("|"):
            other = self._sequence()
            whole = Part(whole.nullable or other.nullable, whole.first | other.first, whole.last | other.last)
        return whole

    def _sequence(self) -> Part:
        whole = NOTHING
        while self.at < len(self.text) and self.text[self.at] not in "|)$":
            whole = self.pattern.join(whole, self._repeated())
        return whole

    def _repeated(self) -> Part:
        start = self.at
        part = self._atom()
        end = self.at
        least, most = self._count()
        if (least, most) == (1, 1) or not part.last:  # without a position there is nothing to repeat
            return part
        after, whole = self.at, part
        for number in range(2, (most or max(least, 1)) + 1):
            self.at = start
            again = self._atom()
            whole = self.pattern.join(whole, again._replace(nullable=again.nullable or number > least))
            part = again
            assert self.at == end  # noqa: S101
        if most is None:
            self.pattern.loop(part)
        self.at = after
        return whole._replace(nullable=True) if least == 0 else whole

    def _count(self) -> tuple[int, int | None]:
        match = COUNT.match(self.text, self.at)
        if match is not None:
            self.at = match.end()
            least = int(match[1])
            most = int(match[3]) if match[3] else None if match[2] else least
            if most is not None and (most < least or most == 0):
                raise self._refused()
        elif self.at < len(self.text) and self.text[self.at] in SIMPLE:
            least, most = SIMPLE[self.text[self.at]]
            self.at += 1
        else:
            return 1, 1
        self._take("?")  # lazy: which way is tried first makes no difference to whether there is one
        if self.text[self.at : self.at + 1] in ("*", "+", "?") or COUNT.match(self.text, self.at):
            raise self._refused()
        return least, most

    def _atom(self) -> Part:
        if self._take("("):
            self.depth += 1
            if self.depth > MAX_GROUPS:
                raise PatternError(f"Groups are nested at most {MAX_GROUPS} deep.")
            if self._take("?") and not self._take(":"):
                raise self._refused()
            part = self._alternatives()
            if not self._take(")"):
                raise self._refused()
            self.depth -= 1
            return part
        for form in (CLASS, ESCAPE):
            match = form.match(self.text, self.at)
            if match is not None:
                self.at = match.end()
                return self.pattern.add(match[0])
        character = self.text[self.at]
        if character in "[\\{*+?^":
            raise self._refused()
        self.at += 1
        return self.pattern.add(character)

    def _take(self, character: str) -> bool:
        taken = self.text.startswith(character, self.at)
        self.at += taken
        return taken

    def _refused(self) -> PatternError:
        rest = self.text[self.at : self.at + 20]
        return PatternError(f"At character {self.at + 1}, {rest!r}: this is not of the expressions that are taken.")


def _class(atom: str) -> re.Pattern[str]:
    try:
        return re.compile(atom, re.ASCII)
    except re.error:
        raise PatternError(f"{atom[:50]!r} is not a class of characters.") from None


def _union(sets: list[int], state: int) -> int:
    union = 0
    while state:
        bit = state & -state
        union |= sets[bit.bit_length() - 1]
        state ^= bit
    return union
