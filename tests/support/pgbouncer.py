"""A PgBouncer of the tests' own in transaction mode, from Debian's pgbouncer, before the tests' PostgreSQL."""

import os
import socket
import subprocess
from typing import Any

import psycopg

from tests.support.binaries import binary
from tests.support.program import Program
from tests.support.server import database_environment, until

CONFIGURATION = """
[databases]
* = host={host} port={port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {own_port}
unix_socket_dir =
auth_type = trust
auth_file = {users}
pool_mode = transaction
default_pool_size = {pool_size}
max_client_conn = 500
query_wait_timeout = {query_wait_timeout}
server_login_retry = 1
"""


class PgBouncer(Program):
    """`with PgBouncer() as pooler:` runs one on a free port of 127.0.0.1 until the block ends. It has few connections
    to the server, so that clients meet on each of them."""

    def __init__(self, pool_size: int = 4, query_wait_timeout: int = 60) -> None:
        self._binary = binary("pgbouncer", "pgbouncer", "PGBOUNCER_TESTS", "the service behind it is")
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        server = database_environment("")
        host = server["DB_HOST"]
        # It refuses to run as root; only their owner can enter the folder of the embedded server's socket.
        self._uid = os.stat(host).st_uid if host.startswith("/") else os.geteuid() or 65534
        super().__init__("pgbouncer")
        self._configuration, users = self._folder / "pgbouncer.ini", self._folder / "users.txt"
        users.write_text(f'"{server["DB_USER"]}" "{server["DB_PASSWORD"]}"\n')
        self._configuration.write_text(
            CONFIGURATION.format(
                host=host,
                port=server["DB_PORT"] or 5432,
                users=users,
                own_port=self.port,
                pool_size=pool_size,
                query_wait_timeout=query_wait_timeout,
            )
        )
        for path in (self._folder, self._configuration, users):
            os.chown(path, self._uid, -1)

    def variables(self, database: str) -> dict[str, str]:
        """The environment of a service that connects to `database` through this."""
        server = database_environment(database)
        host, port, user = server["DB_HOST"], server["DB_PORT"] or "5432", server["DB_USER"]
        secret = f":{server['DB_PASSWORD']}" if server["DB_PASSWORD"] else ""
        return {
            "DATABASE_URL": f"postgres://{user}@127.0.0.1:{self.port}/{database}",
            "DATABASE_DIRECT_URL": f"postgres://{user}{secret}@/{database}?host={host}&port={port}",
            "PGBOUNCER": "true",
        }

    def connect(self, database: str) -> "psycopg.Connection[tuple[Any, ...]]":
        user = database_environment(database)["DB_USER"]
        return psycopg.connect(host="127.0.0.1", port=self.port, user=user, dbname=database, connect_timeout=5)

    def start(self) -> None:
        own = os.geteuid() != 0
        self.process = subprocess.Popen(
            [self._binary, "-q", str(self._configuration)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            user=None if own else self._uid,
            extra_groups=None if own else [],
        )
        until(self._listens, "PgBouncer listens")

    def _listens(self) -> bool:
        assert self.process.poll() is None, "PgBouncer has ended"
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0
