"""Canonical JSON: one text for one value, so that anybody can compute a digest again.

The text is UTF-8 without escapes for what is not ASCII, without spaces, the names of each object in the order of
their code points. Strings escape `"`, `\\`, the five short forms (`\\b \\f \\n \\r \\t`) and the other control
characters as `\\u00xx`, and nothing else. A number without a fraction is written as an integer, also where it was
sent as `1.0` or `1e3`, and has at most 2**53 - 1 as its magnitude; any other as Python writes a double: the shortest
digits that give it back. There is no NaN, no infinity and no half of a surrogate pair.

This is RFC 8785 (JCS), but for three things. JCS orders names by UTF-16 code units: the orders differ only between
characters beyond U+FFFF and those from U+E000 to U+FFFF. JCS writes fractions below 0.0001 as ECMAScript does:
`0.00001` and `1e-7`, which here are `1e-05` and `1e-07`. And JCS takes integers beyond 2**53 - 1, of which a reader may
lose digits: they are refused here. For everything else any implementation of JCS gives the same bytes.
"""

import hashlib
import json
import math
from typing import Any

LARGEST = 2**53 - 1


def canonical(value: Any) -> bytes:
    """The value's canonical JSON. Raises ValueError for what has none, in words for the client."""
    plain = _plain(value)
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode()


def digest_of(value: Any) -> str:
    """`sha256:` and 64 digits of hexadecimal, over the canonical JSON. Raises ValueError."""
    return f"sha256:{hashlib.sha256(canonical(value)).hexdigest()}"


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, dict):
        if not all(isinstance(name, str) for name in value):
            raise ValueError("The names in a JSON object are strings.")
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, int | float):
        return _number(value)
    raise ValueError(f"JSON has no {type(value).__name__}.")


def _number(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError("JSON has neither NaN nor infinity.")
    if isinstance(value, float) and not value.is_integer():
        return value
    if abs(value) > LARGEST:
        raise ValueError(f"A whole number is at most {LARGEST}: beyond it, readers lose digits. Write it as a string.")
    return int(value)
