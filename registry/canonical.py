"""Canonical JSON: one text for one value, so that any client can compute a digest again.

Sealed content is made `plain` first. For plain values, any implementation of RFC 8785 (JCS) gives the same bytes with
two exceptions. JCS orders names by UTF-16 code units, which differs between characters beyond U+FFFF and those from
U+E000 to U+FFFF. And it writes fractions below 0.0001 as ECMAScript does: `0.00001` and `1e-7`, which here are `1e-05`
and `1e-07`.
"""

import hashlib
import json
import math
from typing import Any

LARGEST = 2**53 - 1


def canonical(value: Any) -> bytes:
    """JSON in UTF-8, without a byte order mark: the keys of each object sorted by their code points, no spaces, no
    character escaped that JSON lets stand as it is (`ensure_ascii=False`), numbers as Python's `json` writes them
    (`1`, `1.5`, `1e+22`). Raises ValueError for what JSON does not know: NaN and the infinities."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode()


def plain(value: Any) -> Any:
    """The JSON value with whole numbers as integers, also where they were sent as `1.0` or `1e3`: what PostgreSQL's
    jsonb, and readers in any language, give back as it is. Raises ValueError, in words for the client, for what they
    would not."""
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items()}
    if isinstance(value, list):
        return [plain(part) for part in value]
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _number(value)
    return value


def digest(value: Any) -> str:
    """`sha256:` and the SHA-256 of the canonical JSON, in 64 lower-case hexadecimal digits."""
    return digest_of(canonical(value))


def digest_of(text: bytes) -> str:
    """The digest of a text of canonical JSON, like `digest` of its value."""
    return f"sha256:{hashlib.sha256(text).hexdigest()}"


def _number(value: float) -> float:
    if isinstance(value, float) and not math.isfinite(value):  # which overflows for an integer of 400 digits
        raise ValueError("JSON has neither NaN nor infinity.")
    if isinstance(value, float) and not value.is_integer():
        return value
    if abs(value) > LARGEST:
        raise ValueError(f"A whole number is at most {LARGEST}: beyond it, readers lose digits. Write it as a string.")
    return int(value)
