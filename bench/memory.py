"""The growth of a worker's memory under load, until it has answered WHOLE requests."""

from pathlib import Path

from bench.harness import Claim, Pace, lacks
from bench.served import load, made, served

AIM, AIM_GROWTH = 130, 5  # megabytes
WARM, WHOLE = 100_000, 300_000  # requests
SECONDS = 10


def alone(pace: Pace) -> list[Claim]:
    size = f"resident memory of a worker after {WHOLE:,} requests"
    growth = f"its growth over the last {WHOLE - WARM:,}"
    if pace.quick or lacks("wrk"):
        why = lacks("wrk") or "not measured: takes minutes"
        return [Claim(size, f"at most {AIM} MB", why, None), Claim(growth, f"at most {AIM_GROWTH} MB", why, None)]
    with served(workers=1) as service:
        path = f"/api/models/{made(service, '/api/models', {'name': 'bench'})['id']}"
        done, sizes = 0.0, list[float]()
        seconds = pace.size(SECONDS, 1)
        while done < pace.size(WHOLE, 1):
            done += load(service, path, seconds) * seconds
            if done >= pace.size(WARM, 1):
                sizes.append(resident(service.workers[0]))
                print(f"  {done:7.0f} requests: {sizes[-1]:.1f} MB", flush=True)
    grown = max(sizes) - sizes[0]
    return [
        Claim(size, f"at most {AIM} MB", f"{sizes[-1]:.0f} MB", sizes[-1] <= AIM),
        Claim(growth, f"at most {AIM_GROWTH} MB", f"{grown:.1f} MB", grown <= AIM_GROWTH),
    ]


def resident(pid: int) -> float:
    """The resident memory of a process in megabytes."""
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(fields["VmRSS"].split()[0]) / 1024
