"""JSON bodies, read strictly: whatever this lets through can be stored in PostgreSQL and written out again."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any

from django.core.exceptions import ValidationError
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser, JSONParser

from mcp_project.database.validators import TOO_DEEP, storable

MALFORMED = "The body is not valid JSON in UTF-8."


# Words that Python's json takes and JSON lacks. Strings are matched, too, so that words in them are passed over.
CONSTANT = re.compile(r'"(?:[^"\\]|\\.)*+"|(-?Infinity|NaN)', re.DOTALL)


class StrictJSONParser(JSONParser):
    """JSON with a limit on depth, and without what PostgreSQL cannot hold: NUL characters, lone surrogates, and
    numbers beyond a double (`1e999`), which Python reads as infinity."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,  # noqa: ARG002
        parser_context: Mapping[str, Any] | None = None,  # noqa: ARG002
    ) -> Any:
        with _as_parse_error():
            data = _loads(stream.read())
            _check(data)
        return data


class StrictNDJSONParser(BaseParser):
    """A line of JSON each, as strictly; the list of what they hold. Empty lines are none."""

    media_type = "application/x-ndjson"

    def parse(self, stream: IO[Any], *_others: Any, **_named: Any) -> Any:
        rows = []
        for number, line in enumerate(stream.read().splitlines(), start=1):
            if line.strip():
                with _as_parse_error(number):
                    rows.append(_loads(line))
                    storable(rows[-1])
        return rows


def _loads(body: bytes) -> Any:
    """Raises ValueError, as JSONDecodeError where there is a place to name, and RecursionError."""
    text = body.decode()

    def refuse(name: str) -> None:
        place = next((found.start() for found in CONSTANT.finditer(text) if found[1]), 0)
        raise json.JSONDecodeError(f"JSON has no {name}: a number is finite, or null", text, place)

    return json.loads(text, parse_constant=refuse)


def _check(data: Any) -> None:
    """Check that the database can store the data. Raises ValidationError, which names the field."""
    if not isinstance(data, dict):
        storable(data)
        return
    storable(list(data))
    for name, value in data.items():
        try:
            storable(value, depth=2)
        except ValidationError as error:
            raise ValidationError(f"In {name[:100]!r}: {error.message}") from None


@contextmanager
def _as_parse_error(line: int | None = None) -> Iterator[None]:
    """Turn an error in the body, or in this line of it, into a ParseError."""
    where = "" if line is None else f" (line {line})"
    try:
        yield
    except RecursionError:
        raise ParseError(f"{TOO_DEEP}{where}") from None
    except ValidationError as error:
        raise ParseError(f"{error.message}{where}") from None
    except json.JSONDecodeError as error:
        place = f"column {error.colno}{where}" if where else f"line {error.lineno}, column {error.colno}."
        raise ParseError(f"{MALFORMED} {error.msg}, at {place}") from error
    except ValueError as error:
        raise ParseError(f"{MALFORMED}{where}") from error
