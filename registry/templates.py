"""Templates of prompts, which only put values in the places of names.

`{{name}}` or `{{ name }}` is replaced by a value. `{{{{` stands for `{{`; `}}` needs no escape. Any other `{{` is an
error. Values are not parsed again.
"""

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from django.core.exceptions import ValidationError

NAME = r"[A-Za-z_][A-Za-z0-9_]{0,63}"
TOKEN = re.compile(rf"\{{\{{(?:(?P<literal>\{{\{{)| {{0,16}}(?P<name>{NAME}) {{0,16}}\}}\}})?")


class Piece(NamedTuple):
    """Text, and the variable that comes after it, if one does."""

    text: str
    name: str | None = None


def validate_variable_name(name: str) -> None:
    if not re.fullmatch(NAME, name):
        raise ValidationError("A variable's name has from 1 to 64 letters, digits and `_`.", "invalid_name")


def pieces(template: str) -> list[Piece]:
    """Parse a template, in linear time. Raises ValidationError for a `{{` that begins neither a name nor an escape."""
    found: list[Piece] = []
    texts: list[str] = []
    begin = 0
    for token in TOKEN.finditer(template):
        texts.append(template[begin : token.start()])
        begin = token.end()
        if token["literal"]:
            texts.append("{{")
        elif token["name"]:
            found.append(Piece("".join(texts), token["name"]))
            texts.clear()
        else:
            raise ValidationError(
                f"At character {token.start() + 1}: after {{{{ comes a variable's name and }}}}, "
                "such as {{name}}; write {{{{ for the braces themselves.",
                "invalid_template",
            )
    return [*found, Piece("".join([*texts, template[begin:]]))]


def validate_template(template: str) -> None:
    pieces(template)


def names_in(template: str) -> set[str]:
    """The names of the variables that the template uses. Raises ValidationError."""
    return {piece.name for piece in pieces(template) if piece.name is not None}


def filled(templates: Iterable[str], values: Mapping[str, str], longest: int) -> list[str]:
    """The templates with the values in their places. Raises ValidationError when all of them together would have more
    than `longest` characters: a small template can name a large value a thousand times."""
    rooms, texts = longest, []
    for template in templates:
        parts = [(piece.text, "" if piece.name is None else values[piece.name]) for piece in pieces(template)]
        rooms -= sum(len(text) + len(value) for text, value in parts)
        if rooms < 0:
            raise ValidationError(f"Filled in, the messages have more than {longest} characters.", "too_large")
        texts.append("".join(text + value for text, value in parts))
    return texts
