"""Rules for text and JSON that several apps share. Each raises Django's ValidationError."""

import json
import math
import re
import unicodedata
from typing import Any

from django.core.exceptions import ValidationError

API_KEY = re.compile(r"mcp_[0-9A-Za-z]{8}\.[0-9A-Za-z]{38}", re.ASCII)
DEEPEST_NESTING = 32
TOO_DEEP = f"The JSON is nested more than {DEEPEST_NESTING} levels deep."


def printable(text: str) -> None:
    """One line of visible text: no line separators and nothing of Unicode's category C (control, format, surrogate,
    unassigned), which could break a log line, or make two names look the same."""
    if any(unicodedata.category(character)[0] == "C" or character in "\u2028\u2029" for character in text):
        raise ValidationError("Control and invisible characters are not allowed.", "invisible_characters")
    if "mcp_" in text and API_KEY.search(text):
        raise ValidationError("This looks like an API key: it would be read by all who see this.", "api_key")


def storable(data: Any, depth: int = 1) -> None:
    """JSON that PostgreSQL can hold and that can be written out again: no NUL characters, no lone surrogates, no
    numbers beyond a double (`1e999`, which Python reads as infinity), nested at most DEEPEST_NESTING levels."""
    if isinstance(data, str):
        if "\x00" in data or not _is_encodable(data):
            raise ValidationError("A string holds a NUL character or half of a surrogate pair.", "unstorable")
    elif isinstance(data, float):
        if not math.isfinite(data):
            raise ValidationError("A number is too large.", "unstorable")
    elif isinstance(data, dict | list):
        if depth > DEEPEST_NESTING:
            raise ValidationError(TOO_DEEP, "too_deep")
        for item in data:
            storable(item, depth + 1)
            if isinstance(data, dict):
                storable(data[item], depth + 1)


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


class JSONObject:
    """An object whose compact JSON has at most `max_bytes` bytes."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes

    def __call__(self, value: Any) -> None:
        if not isinstance(value, dict):
            raise ValidationError("A JSON object is wanted.", "not_an_object")
        storable(value)
        size = len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())
        if size > self.max_bytes:
            raise ValidationError(f"At most {self.max_bytes} bytes of JSON; this has {size}.", "too_large")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, JSONObject) and other.max_bytes == self.max_bytes

    def __hash__(self) -> int:
        return hash((JSONObject, self.max_bytes))

    def deconstruct(self) -> tuple[str, tuple[int], dict[str, Any]]:
        return "mcp_project.database.validators.JSONObject", (self.max_bytes,), {}
