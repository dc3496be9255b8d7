from collections.abc import Iterator
from pathlib import Path

import pytest

from mcp_project.database.embedded_postgres import EmbeddedPostgres
from tests.support.limited_server import serve
from tests.support.server import Server


@pytest.fixture
def served(cluster: EmbeddedPostgres, tmp_path: Path) -> Iterator[Server]:
    with serve(cluster, tmp_path) as server:
        yield server
