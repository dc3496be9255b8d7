"""uuid7"""

import time
import uuid

from mcp_project.database.ids import uuid7


def test_it_is_a_uuid_of_version_7_that_holds_the_time() -> None:
    before = time.time_ns() // 1_000_000
    made = uuid7()
    after = time.time_ns() // 1_000_000

    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert before <= made.int >> 80 <= after


def test_later_ones_sort_after_earlier_ones_and_none_repeats() -> None:
    made = []
    for _ in range(1000):
        made.append(uuid7())
        tick = time.time_ns()
        while time.time_ns() - tick < 1000:  # the clock's part of the id has moved on
            pass

    assert made == sorted(made)
    assert len(set(made)) == 1000
