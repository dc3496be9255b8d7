"""psycopg and its pool: mcp_project/database/postgresql replaces the pool's check of a connection, and drains the pool
of a connection that is dead."""

from psycopg import Connection, errors
from psycopg_pool import ConnectionPool

from mcp_project.patches import Part


def parts() -> list[Part]:
    return [
        Part(ConnectionPool, "_check", method="__init__"),
        Part(ConnectionPool, "connection_class", method="__init__"),
        *(Part(ConnectionPool, name) for name in ("check_connection", "drain")),
        Part(Connection, "wait"),
        Part(errors, "_WaitTimeout"),
    ]
