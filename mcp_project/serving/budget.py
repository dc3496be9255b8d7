"""A number of bytes that all connections of a worker share."""

from threading import Lock


class Budget:
    """Safe for threads."""

    def __init__(self, size: int) -> None:
        self._left = size
        self._lock = Lock()

    def take(self, size: int) -> bool:
        """Whether there were so many bytes left, which are then taken."""
        with self._lock:
            if size > self._left:
                return False
            self._left -= size
        return True

    def give_back(self, size: int) -> None:
        with self._lock:
            self._left += size
