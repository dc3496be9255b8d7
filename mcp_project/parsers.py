"""JSON bodies, read strictly: whatever this lets through can be stored in PostgreSQL and written out again."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any

from django.core.exceptions import ValidationError
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser, JSONParser

from mcp_project.validators import TOO_DEEP, storable

MALFORMED = "The body is not valid JSON in UTF-8."


class StrictJSONParser(JSONParser):
    """DRF's parser, with a limit on depth, and without what PostgreSQL cannot hold: NUL characters, lone
    surrogates, and numbers beyond a double (`1e999`), which Python reads as infinity."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        with _told():
            data = super().parse(stream, media_type, parser_context)
            _check(data)
        return data


class StrictNDJSONParser(BaseParser):
    """A line of JSON each, as strictly; the list of what they hold. Empty lines are none."""

    media_type = "application/x-ndjson"

    def parse(self, stream: IO[Any], *_others: Any, **_named: Any) -> Any:
        rows = []
        for number, line in enumerate(stream.read().splitlines(), start=1):
            if line.strip():
                with _told(f" (line {number})"):
                    rows.append(json.loads(line.decode(), parse_constant=_refused))
                    storable(rows[-1])
        return rows


def _check(data: Any) -> None:
    """That it is storable. Raises ValidationError, which names the field."""
    if not isinstance(data, dict):
        storable(data)
        return
    storable(list(data))
    for name, value in data.items():
        try:
            storable(value, depth=2)
        except ValidationError as error:
            raise ValidationError(f"In {name[:100]!r}: {error.message}") from None


def _refused(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


@contextmanager
def _told(where: str = "") -> Iterator[None]:
    """What is wrong with the body, as a ParseError."""
    try:
        yield
    except RecursionError:
        raise ParseError(f"{TOO_DEEP}{where}") from None
    except ValidationError as error:
        raise ParseError(f"{error.message}{where}") from None
    except (ParseError, ValueError) as error:
        raise ParseError(f"{MALFORMED}{where or _place(error)}") from error


def _place(error: Exception) -> str:
    """DRF's own error has Python's within."""
    found = error if isinstance(error, json.JSONDecodeError) else error.__context__
    if not isinstance(found, json.JSONDecodeError):
        return ""
    return f" {found.msg}, at line {found.lineno}, column {found.colno}."
