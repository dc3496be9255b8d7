"""redis-py: keys/limits/stores/redis.py sends the limiter's script over a connection of each thread, past the client
and its pool, which would take two thirds of the command's time in the worker."""

from redis.connection import AbstractConnection, ConnectionPool

from mcp_project.patches import Part


def parts() -> list[Part]:
    return [
        Part(ConnectionPool, "make_connection"),
        Part(ConnectionPool, "max_connections", method="make_connection"),
        *(
            Part(AbstractConnection, name)
            for name in ("send_packed_command", "read_response", "can_read", "disconnect")
        ),
    ]
