"""A bounded memory of the process whose entries expire."""

import threading
import time
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class Memory(Generic[Key, Value]):
    """A dictionary of at most `size` entries; the oldest is dropped first. Each entry expires at a time of its own, on
    time.monotonic's clock. Thread-safe; reading takes no lock."""

    def __init__(self) -> None:
        self._entries: dict[Key, tuple[float, Value]] = {}
        self._lock = threading.Lock()

    def get(self, key: Key) -> Value | None:
        entry = self._entries.get(key)
        if entry is None or entry[0] <= time.monotonic():
            return None
        return entry[1]

    def put(self, key: Key, value: Value, until: float, size: int) -> None:
        with self._lock:
            self._entries.pop(key, None)
            while len(self._entries) >= size:
                del self._entries[next(iter(self._entries))]
            self._entries[key] = (until, value)

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()

    def __len__(self) -> int:
        return len(self._entries)
