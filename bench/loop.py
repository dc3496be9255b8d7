"""What the service's own worker costs, whose event loop waits for clients, against gunicorn's gthread.

A governed read by the same application on the same database, in turns.
"""

from functools import partial

from bench.harness import Claim, Pace, at_least, fresh, ratios
from bench.served import Served, beside, in_turns, load, made

AIM = 1.0
TEXT = "GET /api/models/{id}, under the service's worker ÷ under gunicorn's gthread: throughput"


def through_gunicorn(service: Served, pace: Pace) -> list[Claim]:
    path = f"/api/models/{made(service, '/api/models', {'name': fresh('bench-loop')})['id']}"
    with beside(service, 2, worker_class="gthread") as gthread:
        rivals = {"own worker": service, "gthread": gthread}
        found = in_turns({name: partial(load, rival, path, pace.seconds) for name, rival in rivals.items()}, pace)
    return [at_least(AIM, TEXT, ratios(found["own worker"], found["gthread"]))]
