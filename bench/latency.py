"""How much longer the slowest requests take than the middle one, at half of the load that saturates the service.

An open loop: requests come when they come, at random moments (a Poisson process), whether or not those before are
answered; and each is measured from the moment at which it was due. wrk waits for answers, so the client is our own.
"""

import asyncio
import random
import statistics
import time

from bench.harness import Claim, Pace, at_most, fresh
from bench.served import Served, load, made

AIM = 4.5
CONNECTIONS = 64


def through_gunicorn(service: Served, pace: Pace) -> list[Claim]:
    path = f"/api/models/{made(service, '/api/models', {'name': fresh('bench-latency')})['id']}"
    ratios = []
    for _ in range(pace.slices):
        p50, p99 = percentiles(service, path, load(service, path, pace.seconds) / 2, 2 * pace.seconds)
        ratios.append(p99 / p50)
    text = "GET /api/models/{id} at half of the load that saturates, open loop: p99 ÷ p50"
    return [at_most(AIM, text, ratios)]


def percentiles(service: Served, path: str, rate: float, seconds: float) -> tuple[float, float]:
    """p50 and p99 in seconds, at `rate` requests a second."""
    times = asyncio.run(OpenLoop(service, path).run(rate, seconds))
    p50, p99 = (statistics.quantiles(times, n=100)[percent - 1] for percent in (50, 99))
    print(f"  at {rate:4.0f} requests a second: p50 {p50 * 1000:.1f} ms, p99 {p99 * 1000:.1f} ms", flush=True)
    return p50, p99


class OpenLoop:
    """A client with connections enough that none is waited for, as long as the service keeps up."""

    def __init__(self, service: Served, path: str) -> None:
        self._host, self._port = service.address.split(":")
        self._request = f"GET {path} HTTP/1.1\r\nHost: {service.address}\r\nX-API-Key: {service.key}\r\n\r\n".encode()
        self._due: asyncio.Queue[float | None] = asyncio.Queue()
        self._times: list[float] = []

    async def run(self, rate: float, seconds: float) -> list[float]:
        """The seconds that each request took, at so many a second."""
        clients = [asyncio.create_task(self._serve()) for _ in range(CONNECTIONS)]
        due, end = time.perf_counter(), time.perf_counter() + seconds
        while due < end:
            due += random.expovariate(rate)
            await asyncio.sleep(max(0, due - time.perf_counter()))
            self._due.put_nowait(due)
        for _ in clients:
            self._due.put_nowait(None)
        await asyncio.gather(*clients)
        return self._times

    async def _serve(self) -> None:
        reader, writer = await asyncio.open_connection(self._host, int(self._port))
        while (due := await self._due.get()) is not None:
            writer.write(self._request)
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise AssertionError(head)
            length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
            await reader.readexactly(length)
            self._times.append(time.perf_counter() - due)
        writer.close()
