"""A service in processes of its own, as production runs it, and load from wrk."""

import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

START_SECONDS = 60


class Served(NamedTuple):
    url: str
    key: str  # of an admin, with a rate that no load reaches
    pid: int  # of gunicorn's master
    postgres: Path  # of the embedded database

    def worker(self) -> int:
        """The pid of the first worker."""
        return int(Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()[0])


@contextmanager
def served(workers: int) -> Iterator[Served]:
    """On a free port of 127.0.0.1, with a database and a folder of its own."""
    folder = Path(tempfile.mkdtemp(prefix="mcp-bench-"))
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("DB_", "DATABASE_"))} | {
        "PRODUCTION": "true", "ALLOW_EMBEDDED_DATABASE": "true", "SECRET_KEY": secrets.token_urlsafe(50),
        "ALLOWED_HOSTS": "127.0.0.1", "VAR_DIR": str(folder / "var"), "LOG_FILE": str(folder / "mcp.log"),
        "LOG_FORMAT": "json", "DEFAULT_RATE_LIMIT": "1000000/s",
    }  # fmt: skip
    command = [sys.executable, "manage.py", "serve", "--port", "0", "--workers", str(workers)]
    output = folder / "said"
    with output.open("w") as file:
        process = subprocess.Popen(command, env=variables, stdout=file, stderr=file)
    try:
        said = _until_said(output, process)
        url = re.search(r"Serving on (http://\S+)", said)
        key = re.search(r"mcp_[0-9A-Za-z]{8}\.[0-9A-Za-z]{38}", said)
        assert url is not None and key is not None  # noqa: S101, PT018
        yield Served(url[1], key[0], process.pid, folder / "var/postgres")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()
        shutil.rmtree(folder)


def _until_said(output: Path, process: "subprocess.Popen[bytes]") -> str:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        said = output.read_text()
        if "Serving on" in said:
            return said
        time.sleep(0.05)
    raise RuntimeError(f"the service did not start:\n{output.read_text()}")


def post(service: Served, path: str, body: Any) -> Any:
    headers = {"X-API-Key": service.key, "Content-Type": "application/json"}
    request = urllib.request.Request(f"{service.url}{path}", json.dumps(body).encode(), headers)  # noqa: S310
    with urllib.request.urlopen(request) as response:  # noqa: S310
        return json.load(response)


def wrk(service: Served, path: str, seconds: int, connections: int = 4) -> int:
    """Load on one path for so long; how many requests were answered, each of them with 2xx."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-H", f"X-API-Key: {service.key}"]
    told = subprocess.run([*command, service.url + path], capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in told:
        raise AssertionError(told)
    match = re.search(r"(\d+) requests in", told)
    assert match is not None, told  # noqa: S101
    return int(match[1])
