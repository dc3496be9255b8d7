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


def digest(value: Any) -> str:
    """`sha256:` and the SHA-256 of the canonical JSON, in 64 lower-case hexadecimal digits."""
    return f"sha256:{hashlib.sha256(canonical(value)).hexdigest()}"
