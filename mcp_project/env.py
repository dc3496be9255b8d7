"""The environment variables of the service: their names, types and defaults. Only settings.py reads them.

A variable that is unset or empty has its default. A test compares README's table of settings and .env.example with
ENV.scheme.
"""

import ipaddress
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

DEVELOPMENT_SECRET_KEY = "django-insecure-development-only-never-serve-anyone-with-this-key"  # noqa: S105
DEFAULT_DB_PASSWORD = "postgres"  # noqa: S105 (production refuses it)


def boolean(text: str) -> bool:
    words = {
        "true": True,
        "1": True,
        "yes": True,
        "on": True,
        "false": False,
        "0": False,
        "no": False,
        "off": False,
    }
    if text.lower() not in words:
        raise ValueError("must be true or false")
    return words[text.lower()]


def whole(low: int, high: int) -> Callable[[str], int]:
    def cast(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,15}", text, re.ASCII) or not low <= int(text) <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return int(text)

    return cast


def seconds(low: int = 0, high: int = 999_999) -> Callable[[str], float]:
    def cast(text: str) -> float:
        if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})?", text, re.ASCII) or not low <= float(text) <= high:
            raise ValueError(f"must be a number of seconds from {low} to {high}, such as 0.5")
        return float(text)

    return cast


def choice(*words: str) -> Callable[[str], str]:
    def cast(text: str) -> str:
        by_lower = {word.lower(): word for word in words}
        if text.lower() not in by_lower:
            raise ValueError(f"must be one of {', '.join(words)}")
        return by_lower[text.lower()]

    return cast


def host(text: str) -> str:
    if text.startswith("/"):  # the folder of a Unix socket
        return text
    try:
        text.encode("idna")
    except UnicodeError:
        raise ValueError("is not the name of a host") from None
    return text


def redis_url(text: str) -> str:
    form = "must read redis://:password@host:6379/0 (the password percent-encoded), rediss://… or unix:///path"
    if not re.match(r"(rediss?://[^/]+(/[0-9]*)?|unix://(.*@)?/[^?]+)(\?.*)?$", text):
        raise ValueError(form)
    from redis import Redis, RedisError

    try:
        pool = Redis.from_url(text).connection_pool
        pool.make_connection()
    except (ValueError, TypeError, RedisError):  # its message may contain a part of the password
        raise ValueError(form) from None
    if pool.connection_kwargs.get("decode_responses"):
        raise ValueError(f"{form}, without decode_responses")
    return text


def names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def addresses(text: str) -> list[str]:
    networks = names(text)
    try:
        for network in networks:
            ipaddress.ip_network(network, strict=False)
    except ValueError:
        networks = []
    if not networks:
        raise ValueError("must be addresses or networks, separated by commas, such as 127.0.0.1,10.0.0.0/8")
    return networks


def environments(text: str) -> list[str]:
    environments = names(text)
    valid = all(re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,62}", name, re.ASCII) for name in environments)
    if not environments or not valid:
        raise ValueError("must be names of a-z, 0-9, _ and -, separated by commas, such as staging,production")
    return environments


port = whole(1, 65535)

ENV = environ.Env(
    APP_HOST=(host, "127.0.0.1"),
    APP_PORT=(port, 8000),
    APP_DEBUG=(boolean, False),
    APP_WORKERS=(whole(1, 256), 2),
    APP_THREADS=(whole(1, 256), 4),
    DATABASE_URL=(str, ""),
    DATABASE_DIRECT_URL=(str, ""),
    PGBOUNCER=(boolean, False),
    DATABASE_LOCK_TIMEOUT=(seconds(), 1.0),
    DATABASE_STATEMENT_TIMEOUT=(seconds(), 5.0),
    DATABASE_IDLE_IN_TRANSACTION_TIMEOUT=(seconds(), 30.0),
    DATABASE_TCP_USER_TIMEOUT=(seconds(), 10.0),
    DATABASE_CLIENT_CHECK_INTERVAL=(seconds(), 1.0),
    DB_USER=(str, "postgres"),
    DB_PASSWORD=(str, DEFAULT_DB_PASSWORD),
    DB_HOST=(host, "localhost"),
    DB_PORT=(port, 5432),
    DB_NAME=(str, "mcp"),
    SECRET_KEY=(str, DEVELOPMENT_SECRET_KEY),
    PRODUCTION=(boolean, False),
    ALLOW_EMBEDDED_DATABASE=(boolean, False),
    DEBUG=(boolean, False),
    ALLOWED_HOSTS=(names, []),
    CORS_ALLOWED_ORIGINS=(names, []),
    CSRF_TRUSTED_ORIGINS=(names, []),
    TRUSTED_PROXIES=(names, []),
    METRICS_ALLOWED_IPS=(addresses, ["127.0.0.0/8", "::1"]),
    LOG_LEVEL=(choice("DEBUG", "INFO", "WARNING", "ERROR"), "INFO"),
    LOG_FORMAT=(choice("console", "json"), "console"),
    LOG_FILE=(str, ""),
    VAR_DIR=(str, "var"),
    MAX_BODY_BYTES=(whole(1024, 1 << 30), 1 << 20),
    DEFAULT_RATE_LIMIT=(str, "600/m"),
    KEY_DEFAULT_TTL_DAYS=(whole(1, 36500), 90),
    KEY_CACHE_SECONDS=(seconds(0, 1), 1.0),
    KEY_CACHE_SIZE=(whole(1, 10_000_000), 10_000),
    AUTH_FAILURE_RATE=(str, "30/m"),
    ADMIN_LOGIN_RATE=(str, "10/m"),
    IDEMPOTENCY_MAX_BYTES=(whole(1 << 20, 1 << 40), 1 << 28),
    USAGE_JOURNAL_MAX_BYTES=(whole(1 << 20, 1 << 40), 1 << 30),
    USAGE_WHEN_FULL=(choice("refuse", "drop"), "refuse"),
    USAGE_RETENTION_DAYS=(whole(0, 36500), 90),
    USAGE_CLIENT_ADDRESS=(boolean, True),
    REDIS_URL=(redis_url, ""),
    DEPLOYMENT_ENVIRONMENTS=(environments, ["development", "staging", "production"]),
    DEPLOYMENT_PRIVATE_ENDPOINTS=(boolean, False),
    THROTTLE_ON_OUTAGE=(choice("closed", "open", "local"), "closed"),
)

SECRETS = {"DATABASE_DIRECT_URL", "DATABASE_URL", "DB_PASSWORD", "REDIS_URL", "SECRET_KEY"}


def load(path: Path) -> None:
    """Add the variables of the file `.env` to the environment. Variables that are set already keep their value.

    Raises ImproperlyConfigured for a line that is not NAME=value. django-environ would skip it with a warning that is
    easily overlooked, and the service would run with the variable's default.
    """
    if not path.exists():
        return
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ImproperlyConfigured(f"{path} cannot be read: {error}.") from error
    for number, line in enumerate(lines, start=1):
        if line and not line.startswith("#") and not re.match(r"(export )?[A-Za-z_0-9]+=", line):
            raise ImproperlyConfigured(f"Line {number} of {path} is not NAME=value (without spaces around `=`).")
    environ.Env.read_env(path, encoding="utf-8-sig")


def is_set(name: str) -> bool:
    return bool(ENV.ENVIRON.get(name))


def read(name: str) -> Any:
    """Return the value of a declared variable. Raises ImproperlyConfigured, in one sentence, if it is invalid."""
    cast, default = ENV.scheme[name]
    if not is_set(name):
        return default
    text = ENV.ENVIRON[name].strip()
    try:
        # Not ENV(name): it replaces a value that begins with `$`, such as a password, by another variable's value.
        return ENV.parse_value(text, cast)
    except ValueError as error:
        shown = "" if name in SECRETS else f"; it is {text!r}"
        raise ImproperlyConfigured(f"{name} {error}{shown}.") from None
