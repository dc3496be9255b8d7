"""Checks the settings that PRODUCTION=true requires."""

from collections.abc import Iterator
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from mcp_project.env import DEFAULT_DB_PASSWORD, DEVELOPMENT_SECRET_KEY, read

KNOWN_SECRET_KEYS = {DEVELOPMENT_SECRET_KEY, "change-me", "changeme", "secret"}
KNOWN_PASSWORDS = {DEFAULT_DB_PASSWORD, "password", "changeme", "change-me", "mcp"}
MINIMUM_SECRET_KEY_LENGTH = 50  # as Django's own check security.W009


def require_safe_settings(
    debug: bool, secret_key: str, allowed_hosts: list[str], database: dict[str, Any], embedded: bool
) -> None:
    """Raise ImproperlyConfigured with a sentence for each setting that is unsafe in production."""
    problems = list(_problems(debug, secret_key, allowed_hosts, database, embedded))
    if problems:
        raise ImproperlyConfigured("\n".join(problems))


def _problems(
    debug: bool, secret_key: str, allowed_hosts: list[str], database: dict[str, Any], embedded: bool
) -> Iterator[str]:
    known = secret_key in KNOWN_SECRET_KEYS or secret_key.startswith("django-insecure-")
    if known or len(secret_key) < MINIMUM_SECRET_KEY_LENGTH or len(set(secret_key)) < 5:
        yield (
            "PRODUCTION needs a SECRET_KEY of its own, at least 50 random characters: "
            "python3 -c 'import secrets; print(secrets.token_urlsafe(50))' makes one."
        )
    if debug:
        yield (
            "PRODUCTION refuses DEBUG and APP_DEBUG: they show code and settings to every client that causes an error. "
            "Set both to false."
        )
    if not allowed_hosts:
        yield "PRODUCTION needs ALLOWED_HOSTS: the names that clients use for this service, separated by commas."
    if embedded and not read("ALLOW_EMBEDDED_DATABASE"):
        yield (
            "PRODUCTION refuses the embedded database: name a PostgreSQL server in DATABASE_URL or the DB_* variables, "
            "or set ALLOW_EMBEDDED_DATABASE=true."
        )
    if not embedded and database.get("PASSWORD") in KNOWN_PASSWORDS:
        yield "PRODUCTION refuses the default database password: set DB_PASSWORD (or the one in DATABASE_URL)."
