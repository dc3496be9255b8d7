"""`make bench`: every claim that this machine can measure, in one table. `make bench-quick`: those of seconds.
`make bench-smoke`: every script once, with as little as possible, to see that it runs."""

import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from typing import Any

from bench import report
from bench.harness import Claim, Pace, lacks, service
from bench.served import served

PACES = {
    "--quick": Pace(rounds=40, slices=3, seconds=1, quick=True),
    "--smoke": Pace(rounds=2, slices=1, seconds=1, smoke=True),
}
WHOLE = Pace(rounds=300, slices=7, seconds=3)
SCRIPTS = ("governed", "refused", "writes", "latency", "workers", "loop", "memory", "start", "limits", "usage",
           "registry")  # fmt: skip
TIMES_WHEN_QUICK = 3  # that a script runs, at most, until its claims are decided


def main(words: list[str]) -> int:
    """The exit status: 1 when a script failed."""
    begin = time.monotonic()
    pace = next((PACES[word] for word in words if word in PACES), WHOLE)
    names = [word for word in words if word not in PACES] or list(SCRIPTS)
    claims = measured(names, pace)
    minutes = (time.monotonic() - begin) / 60
    report.show(claims, minutes)
    if names == list(SCRIPTS) and pace is WHOLE:
        report.write(claims, minutes)
    return int(any(claim.state == report.FAILED for claim in claims))


def measured(names: list[str], pace: Pace) -> list[Claim]:
    """Run the scripts, in this order: in this process, under one service that they share, and with services of their
    own."""
    claims: dict[str, list[Claim]] = {name: [] for name in names}

    def run(way: str, *arguments: Any) -> None:
        for name, measure in having(names, way).items():
            print(f"{name}, {way.replace('_', ' ')} ...", flush=True)
            with told(claims[name], f"{name}, {way.replace('_', ' ')}"):
                claims[name] += decided(partial(measure, *arguments), pace)

    if having(names, "in_process"):
        with told(claims.setdefault("in process", []), "a service in this process"), service():
            run("in_process")
    if having(names, "through_gunicorn"):
        if lacks("wrk"):
            text = "throughput, latency and workers, through gunicorn"
            claims["through gunicorn"] = [Claim(text, "", str(lacks("wrk")), None)]
        else:
            with told(claims.setdefault("through gunicorn", []), "a service"), served(workers=2) as running:
                run("through_gunicorn", running)
    run("alone")
    return [claim for found in claims.values() for claim in found]


@contextmanager
def told(claims: list[Claim], what: str) -> Iterator[None]:
    """An error becomes a line of the table: what the others measured is kept."""
    try:
        yield
    except Exception as error:
        traceback.print_exc()
        reason = (str(error).splitlines() or [""])[0][:200]
        claims.append(Claim(what, "", f"{type(error).__name__}: {reason}", None, state=report.FAILED))


def decided(measure: Callable[[Pace], list[Claim]], pace: Pace) -> list[Claim]:
    """The claims. A quick measurement that cannot tell a missed aim from noise is repeated, twice as long each time; if
    it still cannot, the claim is undecided."""
    claims = measure(pace)
    if pace.smoke:
        return [claim._replace(aim="", state="ran") for claim in claims]
    if not pace.quick:
        return claims
    for _ in range(TIMES_WHEN_QUICK - 1):
        if not any(map(undecided, claims)):
            break
        pace = pace._replace(rounds=2 * pace.rounds, slices=2 * pace.slices)
        print("  again, and for longer: the differences are as large as the distance to an aim", flush=True)
        claims = measure(pace)
    return [claim._replace(met=None, state="undecided") if undecided(claim) else claim for claim in claims]


def undecided(claim: Claim) -> bool:
    return claim.unsure and claim.met is False


def having(names: list[str], way: str) -> dict[str, Callable[..., list[Claim]]]:
    """The measuring functions of the scripts that measure in this way."""
    modules = {name: import_module(f"bench.{name}") for name in names}
    return {name: getattr(module, way) for name, module in modules.items() if hasattr(module, way)}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
