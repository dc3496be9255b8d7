"""JSON bodies, read strictly: whatever this lets through can be stored in PostgreSQL and written out again."""

import math
from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

DEEPEST_NESTING = 32
MALFORMED = "The body is not valid JSON in UTF-8."


class StrictJSONParser(JSONParser):
    """DRF's parser, with a limit on depth, and without what PostgreSQL cannot hold: NUL characters, lone
    surrogates, and numbers beyond a double (`1e999`), which Python reads as infinity."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        try:
            data = super().parse(stream, media_type, parser_context)
        except RecursionError:
            raise ParseError(f"The JSON is nested more than {DEEPEST_NESTING} levels deep.") from None
        except ParseError as error:
            raise ParseError(MALFORMED) from error
        refuse_unstorable(data)
        return data


def refuse_unstorable(data: Any, depth: int = 1) -> None:
    if isinstance(data, str):
        if "\x00" in data or not _is_encodable(data):
            raise ParseError("A string in the body holds a NUL character or half of a surrogate pair.")
    elif isinstance(data, float):
        if not math.isfinite(data):
            raise ParseError("A number in the body is too large.")
    elif isinstance(data, dict | list):
        if depth > DEEPEST_NESTING:
            raise ParseError(f"The JSON is nested more than {DEEPEST_NESTING} levels deep.")
        for item in data:
            refuse_unstorable(item, depth + 1)
            if isinstance(data, dict):
                refuse_unstorable(data[item], depth + 1)


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
