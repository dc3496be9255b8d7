"""How long it takes from `manage.py serve` to the first 200, on a database that is ready but not running."""

import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from bench.harness import Claim, Pace, production
from bench.served import ask, started

AIM = 4  # seconds
STARTS, STARTS_WHEN_QUICK = 5, 3


def alone(pace: Pace) -> list[Claim]:
    folder = Path(tempfile.mkdtemp(prefix="mcp-bench-"))
    environment, times = {**os.environ, **production(folder)}, []
    try:
        with started(folder, environment, workers=2) as service:
            key = service.key
        for _ in range(STARTS_WHEN_QUICK if pace.quick else pace.size(STARTS, 1)):
            begin = time.monotonic()
            with started(folder, environment, workers=2, key=key) as service:
                status, _ = ask(service, "GET", "/api/models")
                times.append(time.monotonic() - begin)
                assert status == 200  # noqa: S101
    finally:
        shutil.rmtree(folder)
    seconds = statistics.median(times)
    print(f"  {', '.join(f'{one:.2f}' for one in times)} s", flush=True)
    text = "cold start: from `serve` to the first 200 on an initialised database, which it starts, too"
    return [Claim(text, f"at most {AIM} s", f"{seconds:.1f} s", seconds <= AIM)]
