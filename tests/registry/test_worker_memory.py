"""The memory of a worker while it answers for a model with 178 MB of versions."""

import re
from pathlib import Path

import psycopg
import pytest

from mcp_project.database.initialise import connection_parameters
from tests.support.large_rows import VERSIONS
from tests.support.server import Server, at_once

pytestmark = pytest.mark.wire

COUNT = 600
MEGABYTES = 100  # that a worker may grow by: a page of all of them took 830
FIELDS = "fields=version,description,metrics,params,signature,parents"


def memory(pid: int, name: str) -> float:
    """In MB: `VmRSS` is the present memory, `VmHWM` the highest so far."""
    match = re.search(rf"{name}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert match is not None
    return int(match[1]) / 1024


def test_worker_reads_and_deletes_large_versions_within_a_bound(server: Server) -> None:
    with server.client(server.key) as client:
        model = client.post("/api/models", json={"name": "churn"}).json()
        with psycopg.connect(**{**connection_parameters(), "dbname": server.variables["DB_NAME"]}) as session:
            session.execute("SET statement_timeout = 0")
            session.execute(VERSIONS, [model["id"], COUNT])
        path = "/api/models/churn/versions?limit=1000"
        at_once(8, lambda: client.get("/api/models"))
        before = {pid: memory(pid, "VmRSS") for pid in server.both_workers()}

        answers = at_once(4, lambda: client.get(f"{path}&{FIELDS}"))
        assert {answer.status_code for answer in answers} == {200}
        assert max(len(answer.content) for answer in answers) < 2 * 2**20
        assert len(client.get(path).json()["results"]) > 200, "without the large fields"
        assert client.delete("/api/models/churn").status_code == 204

        grown = {pid: memory(pid, "VmHWM") - rss for pid, rss in before.items()}
        assert max(grown.values()) < MEGABYTES, grown
