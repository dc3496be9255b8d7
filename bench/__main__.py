"""`make bench`: every claim that this machine can measure, in one table. `make bench-quick`: those of seconds."""

import sys
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

from bench import report
from bench.harness import Claim, Pace, lacks, service
from bench.served import served

QUICK = Pace(rounds=40, slices=3, seconds=1, quick=True)
WHOLE = Pace(rounds=300, slices=7, seconds=3)
SCRIPTS = ("governed", "refused", "writes", "latency", "workers", "memory", "start", "limits", "usage", "registry")


def main(words: list[str]) -> None:
    begin = time.monotonic()
    quick = "--quick" in words
    names = [word for word in words if word != "--quick"] or list(SCRIPTS)
    claims = measured(names, QUICK if quick else WHOLE)
    minutes = (time.monotonic() - begin) / 60
    report.show(claims, minutes)
    if names == list(SCRIPTS) and not quick:
        report.write(claims, minutes)


def measured(names: list[str], pace: Pace) -> list[Claim]:
    """In this order: in this process, under one service that they share, and what has services of its own."""
    claims: dict[str, list[Claim]] = {name: [] for name in names}

    def run(way: str, *arguments: Any) -> None:
        for name, measure in having(names, way).items():
            print(f"{name}, {way.replace('_', ' ')} ...", flush=True)
            claims[name] += measure(*arguments, pace)

    if having(names, "in_process"):
        with service():
            run("in_process")
    if having(names, "through_gunicorn"):
        if lacks("wrk"):
            told = Claim("throughput, latency and workers, through gunicorn", "", str(lacks("wrk")), None)
            claims["through gunicorn"] = [told]
        else:
            with served(workers=2) as running:
                run("through_gunicorn", running)
    run("alone")
    return [claim for found in claims.values() for claim in found]


def having(names: list[str], way: str) -> dict[str, Callable[..., list[Claim]]]:
    """Of those scripts that measure in this way, how."""
    modules = {name: import_module(f"bench.{name}") for name in names}
    return {name: getattr(module, way) for name, module in modules.items() if hasattr(module, way)}


if __name__ == "__main__":
    main(sys.argv[1:])
