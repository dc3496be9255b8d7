"""The memory of a process for keys and refusals."""

import time

from keys.memory import Memory


def test_it_holds_no_more_than_its_size_and_drops_the_oldest() -> None:
    memory: Memory[int, str] = Memory()

    for key in (1, 2, 3, 1, 4):
        memory.put(key, f"value {key}", until=float("inf"), size=3)

    assert [memory.get(key) for key in (1, 2, 3, 4)] == ["value 1", None, "value 3", "value 4"]
    assert len(memory) == 3


def test_it_forgets_at_the_moment_that_was_set() -> None:
    memory: Memory[str, int] = Memory()

    memory.put("past", 1, until=time.monotonic(), size=9)
    memory.put("future", 2, until=time.monotonic() + 3600, size=9)

    assert (memory.get("past"), memory.get("future")) == (None, 2)
