"""One way to write JSON, so that equal values have equal digests."""

import hashlib
import json
from typing import Any


def canonical(value: Any) -> bytes:
    """JSON in UTF-8, without a byte order mark: the keys of each object sorted by their code points, no spaces, no
    character escaped that JSON lets stand as it is (`ensure_ascii=False`), numbers as Python's `json` writes them
    (`1`, `1.5`, `1e+22`). Raises ValueError for what JSON does not know: NaN and the infinities."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode()


def as_stored(value: Any) -> Any:
    """The value as PostgreSQL's jsonb gives it back: of floats, whole ones that Python writes with an exponent come as
    integers, and minus zero as zero. What is sealed before it is stored must be that."""
    if isinstance(value, dict):
        return {name: as_stored(part) for name, part in value.items()}
    if isinstance(value, list):
        return [as_stored(part) for part in value]
    if isinstance(value, float) and (value == 0 or (value.is_integer() and abs(value) >= 1e16)):
        return int(value) if value else 0.0
    return value


def digest(value: Any) -> str:
    """`sha256:` and the SHA-256 of the canonical JSON, in 64 lower-case hexadecimal digits."""
    return f"sha256:{hashlib.sha256(canonical(value)).hexdigest()}"
