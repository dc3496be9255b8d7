"""Helpers of the scripts: a service in this process, and measuring in turns.

Timings on a shared machine are noisy, and drift. So rivals are measured in turns within one run (A B A B …), and
medians are compared, not runs.
"""

import os
import random
import secrets
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

REQUESTS = 10  # a turn


class Claim(NamedTuple):
    """A line of the table."""

    text: str
    aim: str
    measured: str
    met: bool | None  # None where this machine cannot tell
    unsure: bool = False  # whether the measurements differ by more than the distance to the aim
    state: str = ""  # what the table says instead of met or not


class Pace(NamedTuple):
    """How long to measure."""

    rounds: int  # of REQUESTS requests of each rival in this process
    slices: int  # of load on each rival that is served
    seconds: float  # that a slice lasts
    quick: bool = False  # whether to leave out what takes minutes
    smoke: bool = False  # whether only to run everything once, with as little as possible

    def size(self, whole: int, tiny: int) -> int:
        """How much to load or repeat: `tiny` in a smoke test."""
        return tiny if self.smoke else whole


class Cost(NamedTuple):
    """The median cost of a request in microseconds, of CPU and in all; and the CPU of each part of the measurement."""

    cpu: float
    wall: float
    parts: tuple[float, ...]


PARTS = 5  # of a measurement in this process, which are compared as slices of load are


def at_least(aim: float, text: str, samples: Sequence[float]) -> Claim:
    median = statistics.median(samples)
    return Claim(text, f"at least {aim}", f"{median:.2f}", median >= aim, is_unsure(samples, aim))


def at_most(aim: float, text: str, samples: Sequence[float], unit: str = "", told: str = "") -> Claim:
    """With a unit the median is shown without decimals."""
    median = statistics.median(samples)
    measured = f"{median:.0f}{unit}{told}" if unit else f"{median:.2f}{told}"
    return Claim(text, f"at most {aim}{unit}", measured, median <= aim, is_unsure(samples, aim))


def is_unsure(samples: Sequence[float], aim: float) -> bool:
    """Whether half of the samples' interquartile range is more than the distance of their median to the aim."""
    if len(samples) < 2:
        return False
    low, median, high = statistics.quantiles(samples, n=4, method="inclusive")
    return (high - low) / 2 > abs(median - aim)


def fresh(name: str) -> str:
    """A name that nothing has, so that a script can run again on the same database."""
    return f"{name}-{secrets.token_hex(4)}"


def lacks(program: str) -> str | None:
    """The reason why something was not measured, if the program is not installed."""
    if shutil.which(program):
        return None
    package = {"redis-server": "redis-server", "wrk": "wrk"}[program]
    return f"not measured: {program} is not installed (on Debian: apt install {package})"


@contextmanager
def service() -> Iterator[None]:
    """Django in this process as production runs it, on a database and a folder of its own. Once a process, before
    anything of Django is imported."""
    folder, before = Path(tempfile.mkdtemp(prefix="mcp-bench-")), dict(os.environ)
    os.environ |= {**production(folder), "ALLOWED_HOSTS": "localhost", "DJANGO_SETTINGS_MODULE": "mcp_project.settings"}
    os.environ["DATABASE_STATEMENT_TIMEOUT"] = "0"  # scripts load and count a million rows in this process
    import django

    django.setup()
    from mcp_project.database.initialise import initialise, release_connections
    from mcp_project.database.postgresql.base import _embedded

    initialise(verbosity=0)
    try:
        yield
    finally:
        release_connections()
        if _embedded is not None:
            _embedded.release()
        shutil.rmtree(folder)
        os.environ.clear()
        os.environ.update(before)


def production(folder: Path) -> dict[str, str]:
    """Settings for whatever runs in this folder: production's, and none that this shell may have."""
    return {
        "PRODUCTION": "true", "ALLOW_EMBEDDED_DATABASE": "true", "DEBUG": "false", "APP_DEBUG": "false",
        "SECRET_KEY": secrets.token_urlsafe(50), "ALLOWED_HOSTS": "127.0.0.1", "VAR_DIR": str(folder / "var"),
        "LOG_FILE": str(folder / "mcp.log"), "LOG_FORMAT": "json", "LOG_LEVEL": "INFO",
        "DATABASE_URL": "", "DB_HOST": "", "DB_PORT": "", "DB_USER": "", "DB_PASSWORD": "", "DB_NAME": "",
        "REDIS_URL": "", "TRUSTED_PROXIES": "", "DEFAULT_RATE_LIMIT": "1000000/s",
    }  # fmt: skip


@contextmanager
def redis_server() -> Iterator[str | None]:
    """The URL of a Redis of its own; None where there is no redis-server."""
    binary = shutil.which("redis-server")
    if binary is None:
        yield None
        return
    folder = tempfile.mkdtemp(prefix="mcp-bench-redis-")
    socket = f"{folder}/redis.sock"
    process = subprocess.Popen(
        [binary, "--port", "0", "--unixsocket", socket, "--save", "", "--dir", folder], stdout=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 10
        while not os.path.exists(socket) and time.monotonic() < deadline:
            time.sleep(0.01)
        yield f"unix://{socket}"
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder)


def application(*without: str) -> Any:
    """The WSGI application; without some of its middleware, as if it were not there."""
    from django.conf import settings
    from django.test.utils import override_settings

    from mcp_project.wsgi import Application

    with override_settings(MIDDLEWARE=[name for name in settings.MIDDLEWARE if name not in without]):
        return Application()


def requester(
    application: Any,
    path: str,
    key: str,
    status: int | Collection[int],
    body: bytes | None = None,
    **others: str,
) -> Callable[[], None]:
    """A function that sends the application one GET, or a POST of `body` with an Idempotency-Key of its own, as
    gunicorn would, and insists on the status. `others` go into the environ."""
    told: list[str] = []
    path, _, query = path.partition("?")
    statuses = {status} if isinstance(status, int) else set(status)

    def start_response(line: str, _headers: list[tuple[str, str]], _error: Any = None) -> None:
        told[:] = [line]

    def request() -> None:
        environ = {
            "REQUEST_METHOD": "GET", "PATH_INFO": path, "QUERY_STRING": query, "SCRIPT_NAME": "",
            "HTTP_HOST": "localhost",
            "SERVER_NAME": "localhost", "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "127.0.0.1",
            "HTTP_AUTHORIZATION": f"Bearer {key}", "wsgi.input": BytesIO(), "wsgi.errors": sys.stderr,
            "wsgi.url_scheme": "http", "wsgi.version": (1, 0), "wsgi.multithread": True, "wsgi.multiprocess": True,
            **others,
        }  # fmt: skip
        if body is not None:
            environ |= {
                "REQUEST_METHOD": "POST", "CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(body)),
                "wsgi.input": BytesIO(body), "HTTP_IDEMPOTENCY_KEY": secrets.token_hex(16),
            }  # fmt: skip
        response = application(environ, start_response)
        b"".join(response)
        response.close()
        if int(told[0][:3]) not in statuses:
            raise AssertionError(f"{path} answered {told[0]}, not {status}")

    return request


def costs(rivals: Mapping[str, Callable[[], None]], rounds: int, requests: int = REQUESTS) -> dict[str, Cost]:
    """The costs of a request of each rival, measured in turns. The order is random: the garbage collector runs every so
    many requests, and would hit the same rival again and again."""
    for request in rivals.values():
        for _ in range(min(10, rounds) * requests):
            request()
    measured: dict[str, list[tuple[float, float]]] = {name: [] for name in rivals}
    order = list(rivals)
    for _ in range(rounds):
        random.shuffle(order)
        for name in order:
            request = rivals[name]
            cpu, wall = time.process_time_ns(), time.perf_counter_ns()
            for _ in range(requests):
                request()
            spent = (time.process_time_ns() - cpu, time.perf_counter_ns() - wall)
            measured[name].append((spent[0] / requests / 1000, spent[1] / requests / 1000))
    found = {name: _summed_up(all_) for name, all_ in measured.items()}
    for name, cost in found.items():
        print(f"  {name:28} {cost.cpu:7.0f} µs of CPU, {cost.wall:7.0f} µs in all", flush=True)
    return found


def _summed_up(rounds: Sequence[tuple[float, float]]) -> Cost:
    cpu, wall = zip(*rounds, strict=True)
    length = -(-len(cpu) // PARTS)
    parts = (statistics.median(cpu[start : start + length]) for start in range(0, len(cpu), length))
    return Cost(statistics.median(cpu), statistics.median(wall), tuple(parts))


def ratios(one: Sequence[float], other: Sequence[float]) -> list[float]:
    """The ratios of slices that were measured beside each other, so that a machine that slows down meanwhile does no
    harm."""
    return [a / b for a, b in zip(one, other, strict=True)]


def differences(one: Sequence[float], other: Sequence[float]) -> list[float]:
    return [a - b for a, b in zip(one, other, strict=True)]
