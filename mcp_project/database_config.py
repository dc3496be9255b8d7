"""Django's DATABASES entry, from the environment."""

from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from mcp_project import env

ENGINE = "mcp_project.postgresql"
CONNECT_TIMEOUT_SECONDS = 3


def database_from_environment(embedded_dir: Path | None, pool_size: int) -> dict[str, Any]:
    """The embedded server's entry where `embedded_dir` is given, else what DATABASE_URL or the DB_* name."""
    if embedded_dir is not None:
        from mcp_project.embedded_postgres import EmbeddedPostgres

        cluster = EmbeddedPostgres(embedded_dir)
        config: dict[str, Any] = {"NAME": "mcp", "USER": cluster.user, "HOST": str(cluster.socket_dir)}
    elif env.is_set("DATABASE_URL"):
        config = _from_url(env.read("DATABASE_URL"))
    else:
        config = {key: env.read(f"DB_{key}") for key in ("NAME", "USER", "PASSWORD", "HOST", "PORT")}
    options = {
        "connect_timeout": CONNECT_TIMEOUT_SECONDS,
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
    return {**config, "ENGINE": ENGINE, "CONN_HEALTH_CHECKS": True, "OPTIONS": options}


def _from_url(url: str) -> dict[str, Any]:
    try:
        config = dict(env.ENV.db_url_config(url, engine=ENGINE))
    except (ValueError, KeyError):
        config = {}
    if not url.startswith(("postgres://", "postgresql://")) or not config.get("NAME"):
        raise ImproperlyConfigured("DATABASE_URL must read postgres://user:password@host:port/name.")
    return config
