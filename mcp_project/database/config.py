"""Django's DATABASES entry, from the environment.

`manage.py` runs the operator's commands, which connect past a pooler and may take as long as they need. The service's
workers connect by DATABASE_URL, under the time limits that `role_settings` lists.
"""

from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from mcp_project import env

ENGINE = "mcp_project.database.postgresql"
CONNECT_TIMEOUT_SECONDS = 3
ANSWER_MARGIN_SECONDS = 1.0  # that a server which ends a statement by itself gets for saying so
FORM = "must read postgres://user:password@host:port/name, with a password that is percent-encoded (a / in it is %2F)."
UNLIMITED = "-c statement_timeout=0 -c lock_timeout=0 -c idle_in_transaction_session_timeout=0"

for_commands = False  # manage.py sets this before the settings are read


def database_from_environment(embedded_dir: Path | None, pool_size: int) -> dict[str, Any]:
    """The embedded server's entry where `embedded_dir` is given, else what DATABASE_URL or the DB_* name; for a
    command, DATABASE_DIRECT_URL where that is set."""
    if env.read("PGBOUNCER") and not env.is_set("DATABASE_DIRECT_URL"):
        raise ImproperlyConfigured(
            "PGBOUNCER needs DATABASE_DIRECT_URL: migrations and commands connect to PostgreSQL itself by it."
        )
    config = _service(embedded_dir)
    if for_commands and env.is_set("DATABASE_DIRECT_URL"):
        config = _from_url("DATABASE_DIRECT_URL")
    options = {
        "connect_timeout": CONNECT_TIMEOUT_SECONDS,
        "tcp_user_timeout": _milliseconds("DATABASE_TCP_USER_TIMEOUT"),
        "application_name": "mcp",
        **config.get("OPTIONS", {}),
        "pool": {
            "min_size": 1,
            "max_size": pool_size,
            "timeout": CONNECT_TIMEOUT_SECONDS,
            # A connection that could not be made again within this gives its place back, so that the next request
            # tries afresh: the default of five minutes would back off and miss the database's return by as much.
            "reconnect_timeout": 0.5,
        },
    }
    if for_commands:
        options["options"] = f"{options.get('options', '')} {UNLIMITED}".strip()
    return {
        **config,
        "ENGINE": ENGINE,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": options,
    }


def service_role(embedded_dir: Path | None) -> str:
    """The user that the service's workers connect as; "" for the system's user."""
    return str(_service(embedded_dir).get("USER") or "")


def role_settings() -> dict[str, str]:
    """The time limits and defaults of the service's connections, as settings of its role in its database: a pooler
    refuses them at the start of a connection, and would let a SET reach other clients."""
    return {
        "lock_timeout": f"{_milliseconds('DATABASE_LOCK_TIMEOUT')}ms",
        "statement_timeout": f"{_milliseconds('DATABASE_STATEMENT_TIMEOUT')}ms",
        "idle_in_transaction_session_timeout": f"{_milliseconds('DATABASE_IDLE_IN_TRANSACTION_TIMEOUT')}ms",
        "tcp_user_timeout": f"{_milliseconds('DATABASE_TCP_USER_TIMEOUT')}ms",
        "client_connection_check_interval": f"{_milliseconds('DATABASE_CLIENT_CHECK_INTERVAL')}ms",
        # Whatever the database's default is: under a stricter isolation, requests that meet at one row would fail.
        "default_transaction_isolation": "read committed",
        "TimeZone": "UTC",  # Django would otherwise set it on each connection
    }


def longest_answer() -> float | None:
    """Seconds after which a server that has not answered a statement is taken to hang; None for never."""
    limit: float = env.read("DATABASE_STATEMENT_TIMEOUT")
    return None if for_commands or not limit else limit + ANSWER_MARGIN_SECONDS


def _service(embedded_dir: Path | None) -> dict[str, Any]:
    if embedded_dir is not None:
        from mcp_project.database.embedded_postgres import EmbeddedPostgres

        cluster = EmbeddedPostgres(embedded_dir)
        return {"NAME": "mcp", "USER": cluster.user, "HOST": str(cluster.socket_dir)}
    if env.is_set("DATABASE_URL"):
        return _from_url("DATABASE_URL")
    return {key: env.read(f"DB_{key}") for key in ("NAME", "USER", "PASSWORD", "HOST", "PORT")}


def _from_url(variable: str) -> dict[str, Any]:
    url = env.read(variable)
    try:
        config = dict(env.ENV.db_url_config(url, engine=ENGINE))
    except (ValueError, KeyError):
        config = {}
    # In a password that is not encoded, a `/` ends the host: the `@` is then in what follows, and a piece of the
    # password would be named as the host in every message.
    _, _, rest = url.partition("://")
    name = rest.partition("/")[2]
    if not url.startswith(("postgres://", "postgresql://")) or not config.get("NAME") or "@" in name:
        raise ImproperlyConfigured(f"{variable} {FORM}")
    return config


def _milliseconds(variable: str) -> int:
    seconds: float = env.read(variable)
    return round(seconds * 1000)
