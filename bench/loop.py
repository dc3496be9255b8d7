"""The cost of the service's own worker, whose event loop waits for clients: against gunicorn's gthread, and beside slow
clients.

A governed read by the same application on the same database, in turns.
"""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

from bench.harness import Claim, Pace, at_least, at_most, fresh, ratios
from bench.latency import percentiles
from bench.served import Served, beside, in_turns, load, made

SLOW_CLIENTS = 40
HALF_A_HEAD = b"GET /api/models HTTP/1.1\r\nHost: localhost\r\nX-Half: "
TEXT = "GET /api/models/{id}, under the service's worker ÷ under gunicorn's gthread"
SLOW = f"GET /api/models/{{id}}: throughput beside {SLOW_CLIENTS} clients that never end their request ÷ without them"


def through_gunicorn(service: Served, pace: Pace) -> list[Claim]:
    path = f"/api/models/{made(service, '/api/models', {'name': fresh('bench-loop')})['id']}"
    with beside(service, 2, worker_class="gthread") as gthread:
        rivals = {"own worker": service, "gthread": gthread}
        rates = in_turns({name: partial(load, rival, path, pace.seconds) for name, rival in rivals.items()}, pace)
        half = min(map(min, rates.values())) / 2
        slowest = in_turns(
            {name: partial(p99, rival, path, half, pace) for name, rival in rivals.items()}, pace, "µs (p99)"
        )
    alone = partial(load, service, path, pace.seconds)
    found = in_turns({"alone": alone, "beside slow clients": partial(beside_slow_clients, service, alone)}, pace)
    return [
        at_least(1.0, f"{TEXT}: throughput", ratios(rates["own worker"], rates["gthread"])),
        at_most(1.0, f"{TEXT}: p99 at half of the load", ratios(slowest["own worker"], slowest["gthread"])),
        at_least(0.9, SLOW, ratios(found["beside slow clients"], found["alone"])),
    ]


def p99(service: Served, path: str, rate: float, pace: Pace) -> float:
    """The CPU time in microseconds."""
    return percentiles(service, path, rate, 2 * pace.seconds)[1] * 1e6


def beside_slow_clients(service: Served, measure: "partial[float]") -> float:
    with slow_clients(service):
        return measure()


@contextmanager
def slow_clients(service: Served) -> Iterator[None]:
    host, port = service.address.split(":")
    with ExitStack() as stack:
        for _ in range(SLOW_CLIENTS):
            stack.enter_context(socket.create_connection((host, int(port)))).sendall(HALF_A_HEAD)
        yield
