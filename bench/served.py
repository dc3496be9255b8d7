"""Services in processes of their own, as production runs them, and load from wrk."""

import http.client
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from bench.harness import Pace, production

START_SECONDS = 60
CONNECTIONS = 16


class Served(NamedTuple):
    address: str  # host:port
    key: str  # of an admin, with a rate that no load reaches
    pid: int  # of gunicorn's master
    environment: Mapping[str, str]

    @property
    def postgres(self) -> Path:
        """The directory of the embedded database's socket."""
        return Path(self.environment["VAR_DIR"]) / "postgres"

    @property
    def workers(self) -> list[int]:
        """The workers' pids."""
        return [int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]

    def cpu(self) -> float:
        """Seconds that the workers have computed, in user and kernel mode."""
        stats = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in self.workers]
        return sum(int(stat[11]) + int(stat[12]) for stat in stats) / os.sysconf("SC_CLK_TCK")


@contextmanager
def served(workers: int) -> Iterator[Served]:
    """The service on a database and in a folder of its own."""
    folder = Path(tempfile.mkdtemp(prefix="mcp-bench-"))
    try:
        with started(folder, {**os.environ, **production(folder)}, workers) as service:
            yield service
    finally:
        shutil.rmtree(folder)


@contextmanager
def started(folder: Path, environment: Mapping[str, str], workers: int, key: str = "") -> Iterator[Served]:
    """`manage.py serve`, on a free port of 127.0.0.1, once it answers. Of a database that is not new, the key is none
    or one that it has."""
    command = [sys.executable, "manage.py", "serve", "--port", "0", "--workers", str(workers)]
    output = folder / "said"
    with output.open("w") as file:
        process = subprocess.Popen(command, env=environment, stdout=file, stderr=file)
    try:
        said = _until_said(output, process)
        address = re.search(r"Serving on http://([0-9.:]+)", said)
        assert address is not None, said  # noqa: S101
        first = Path(environment["VAR_DIR"]) / "first-admin-key"
        service = Served(address[1], key or first.read_text().strip(), process.pid, environment)
        ask(service, "GET", "/health/live")
        yield service
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def _until_said(output: Path, process: "subprocess.Popen[bytes]") -> str:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        said = output.read_text()
        if "Serving on" in said:
            return said
        time.sleep(0.01)
    raise RuntimeError(f"the service did not start:\n{output.read_text()}")


@contextmanager
def beside(
    service: Served, workers: int, application: str = "governed", worker_class: str = "", **variables: str
) -> Iterator[Served]:
    """Another application of bench.rivals, or the same with other settings, under the same gunicorn on the same
    database; with `worker_class`, under another worker of gunicorn's."""
    from mcp_project.management.commands.serve import listen

    environment = {**service.environment, **_by_socket(service), "APP_WORKERS": str(workers), **variables}
    with listen("127.0.0.1", 0) as listener:
        host, port = listener.getsockname()
        options = ["--preload", "--workers", str(workers), "--bind", f"fd://{listener.fileno()}"]
        options += ["--worker-class", worker_class] if worker_class else []
        command = [sys.executable, "-m", "gunicorn", "-c", "python:mcp_project.serving.gunicorn_config", *options]
        process = subprocess.Popen(
            [*command, f"bench.rivals:{application}"], env=environment, pass_fds=[listener.fileno()]
        )
    try:
        other = service._replace(address=f"{host}:{port}", pid=process.pid, environment=environment)
        ask(other, "GET", "/health/live")
        yield other
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def _by_socket(service: Served) -> dict[str, str]:
    """The variables that name the service's embedded database as any server: what ends with a share in the embedded one
    waits for the others to give theirs back."""
    from mcp_project.database.embedded_postgres import EmbeddedPostgres

    cluster = EmbeddedPostgres(service.postgres)
    password = "of no use: the socket is trusted"  # noqa: S105
    return {"DB_HOST": str(cluster.socket_dir), "DB_USER": cluster.user, "DB_NAME": "mcp", "DB_PASSWORD": password}


def ask(service: Served, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, bytes]:
    """Status and body of the answer. One that is starting answers when it has: the socket is there before."""
    connection = http.client.HTTPConnection(service.address, timeout=START_SECONDS)
    sent = {"X-API-Key": service.key, "Content-Type": "application/json", **headers}
    connection.request(method, path, None if body is None else json.dumps(body), sent)
    response = connection.getresponse()
    answer = response.status, response.read()
    connection.close()
    return answer


def made(service: Served, path: str, body: Any) -> Any:
    """The JSON of the response to a POST."""
    status, answer = ask(service, "POST", path, body)
    assert status == 201, answer  # noqa: S101
    return json.loads(answer)


def load(
    service: Served, path: str, seconds: float, *words: str, connections: int = CONNECTIONS, refused: bool = False
) -> float:
    """How many requests a second are answered, each of them with 2xx; with `refused`, with none. `words` are options
    of wrk."""
    # wrk takes whole seconds.
    command = ["wrk", "-t1", f"-c{connections}", f"-d{round(seconds)}s", "--timeout=30s"]
    headers = [] if "X-API-Key" in " ".join(words) else ["-H", f"X-API-Key: {service.key}"]
    target = f"http://{service.address}{path}"
    told = subprocess.run([*command, *headers, *words, target], capture_output=True, text=True, check=True).stdout
    answered = re.search(r"(\d+) requests in", told)
    rate = re.search(r"Requests/sec: +([0-9.]+)", told)
    assert answered is not None and rate is not None, told  # noqa: S101, PT018
    others = re.search(r"Non-2xx or 3xx responses: (\d+)", told)
    if (int(others[1]) if others else 0) != (int(answered[1]) if refused else 0):
        raise AssertionError(f"{path}: {told}")
    return float(rate[1])


def in_turns(
    loads: Mapping[str, Callable[[], float]], pace: Pace, unit: str = "requests a second"
) -> dict[str, list[float]]:
    """The measurements of each rival, slice after slice."""
    measured: dict[str, list[float]] = {name: [] for name in loads}
    for _ in range(pace.slices):
        for name, measure in loads.items():
            measured[name].append(measure())
    for name, rates in measured.items():
        print(f"  {name:28} {statistics.median(rates):7.0f} {unit}", flush=True)
    return measured
