"""Databases of a test's own."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import psycopg
from psycopg import sql

from mcp_project.database.initialise import connection_parameters


@contextmanager
def new_database(blocker: Any) -> Iterator[str]:
    """The name of a database that does not exist yet, on the tests' PostgreSQL; dropped afterwards."""
    with blocker.unblock():
        parameters = {**connection_parameters(), "dbname": "postgres"}  # starts the embedded server, where that is used
    name = f"mcp_test_{uuid4().hex[:12]}"
    yield name
    with psycopg.connect(**parameters, autocommit=True) as session:
        session.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
