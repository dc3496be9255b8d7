"""The CPU of a request with two workers, against one: they must not get in each other's way.

Throughput is not compared: load and database share the cores, so that it could not double.
"""

from bench.harness import Claim, Pace, at_most, fresh, ratios
from bench.served import Served, beside, in_turns, load, made

AIM = 1.15


def through_gunicorn(service: Served, pace: Pace) -> list[Claim]:
    path = f"/api/models/{made(service, '/api/models', {'name': fresh('bench-workers')})['id']}"

    def cost(rival: Served) -> float:
        before = rival.cpu()
        answered = load(rival, path, pace.seconds) * pace.seconds
        return (rival.cpu() - before) / answered * 1e6

    with beside(service, 1) as one:
        found = in_turns({"two workers": lambda: cost(service), "one worker": lambda: cost(one)}, pace, "µs of CPU")
    text = "GET /api/models/{id}: CPU of a request with two workers ÷ with one"
    return [at_most(AIM, text, ratios(found["two workers"], found["one worker"]))]
