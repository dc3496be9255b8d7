"""Streams that wait for their readers."""

import asyncio
import threading

from mcp_project.serving.budget import Budget
from mcp_project.serving.spool import Spool


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
