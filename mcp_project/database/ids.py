"""Identifiers whose order is the order of creation."""

import os
import time
import uuid


def uuid7() -> uuid.UUID:
    """A UUID of version 7 (RFC 9562, section 5.7): 48 bits of Unix time in milliseconds, then 12 bits of the
    fraction of the millisecond (its section 6.2, method 3), then 62 random bits.

    New rows land at the right edge of the primary key's index, and a list can be paged by the key alone.
    """
    milliseconds, nanoseconds = divmod(time.time_ns(), 1_000_000)
    fraction = (nanoseconds << 12) // 1_000_000
    random = int.from_bytes(os.urandom(8)) >> 2
    return uuid.UUID(int=milliseconds << 80 | 7 << 76 | fraction << 64 | 0b10 << 62 | random)
