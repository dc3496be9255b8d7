"""Streams that wait for their readers."""

import asyncio
import threading
from errno import ENOSPC
from io import BytesIO
from typing import Any

import pytest

from mcp_project.serving.budget import Budget
from mcp_project.serving.spool import MEMORY_BYTES, Spool


class FullDisk(BytesIO):
    """Like a file with a buffer: `close` tries to write the buffer once."""

    def write(self, _data: Any) -> int:
        raise OSError(ENOSPC, "the disk is full")

    def close(self) -> None:
        if not self.closed:
            super().close()
            raise OSError(ENOSPC, "the disk is full")


def test_stream_larger_than_the_budget_comes_whole_and_in_order() -> None:
    parts = [bytes([number % 256]) * 50 for number in range(200)]
    budget = Budget(120)

    async def read() -> bytes:
        spool = Spool(asyncio.get_running_loop(), budget)
        maker = threading.Thread(target=lambda: ([spool.put(part) for part in parts], spool.end(failed=False)))
        maker.start()
        received = b"".join([part async for part in spool])
        assert spool.close()
        await asyncio.to_thread(maker.join)
        return received

    assert asyncio.run(read()) == b"".join(parts)
    assert budget.take(120), "all of it is given back"


def test_maker_stops_when_nobody_reads_any_more() -> None:
    budget = Budget(120)
    answers: list[bool] = []

    async def leave() -> None:
        spool = Spool(asyncio.get_running_loop(), budget)
        maker = threading.Thread(target=lambda: answers.extend(spool.put(b"x" * 50) for _ in range(4)))
        maker.start()
        assert not spool.close()
        await asyncio.to_thread(maker.join)

    asyncio.run(leave())
    assert answers[-1] is False
    assert budget.take(120), "all of it is given back"


def test_disk_that_is_full_costs_the_budget_nothing() -> None:
    budget = Budget(2 * MEMORY_BYTES)

    async def fill() -> None:
        spool = Spool(asyncio.get_running_loop(), budget)
        spool._file._file = FullDisk()
        with pytest.raises(OSError, match="full"):
            spool.put(b"x" * MEMORY_BYTES)
        spool.end(failed=True)
        assert spool.close()

    asyncio.run(fill())
    assert budget.take(2 * MEMORY_BYTES), "all of it is given back"
