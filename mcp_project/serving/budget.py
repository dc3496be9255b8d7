"""A limit of bytes that all connections of a worker share."""

from threading import Lock


class Budget:
    """A number of bytes that callers take from and later give back. Thread-safe."""

    def __init__(self, size: int) -> None:
        self._left = size
        self._lock = Lock()

    def take(self, size: int) -> bool:
        """Take `size` bytes. Return False, and take none, if fewer are left."""
        with self._lock:
            if size > self._left:
                return False
            self._left -= size
        return True

    def give_back(self, size: int) -> None:
        with self._lock:
            self._left += size
