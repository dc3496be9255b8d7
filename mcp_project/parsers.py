"""JSON bodies, read strictly: whatever this lets through can be stored in PostgreSQL and written out again."""

from collections.abc import Mapping
from typing import IO, Any

from django.core.exceptions import ValidationError
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

from mcp_project.validators import TOO_DEEP, storable

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
            raise ParseError(TOO_DEEP) from None
        except ParseError as error:
            raise ParseError(MALFORMED) from error
        try:
            storable(data)
        except ValidationError as error:
            raise ParseError(error.message) from None
        return data
