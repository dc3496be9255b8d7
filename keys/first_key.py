"""The first API key of a new database, which `serve` makes and prints."""

import os
import shlex
from pathlib import Path

from django.conf import settings
from django.core.management.base import CommandError

from keys.models import APIKey
from keys.services import create_first_key
from mcp_project.database import initialise as database
from mcp_project.database import transactions
from mcp_project.serving.greeting import Addresses

FILE = "first-admin-key"  # in VAR_DIR
NO_KEY = "The database has no key yet. Make one: manage.py create_key --owner me --name first --permission admin\n"


def greeting(addresses: Addresses, initialise: bool) -> str:
    """The lines that `serve` prints while the database has no key. With `initialise`, the first key is created and
    printed.

    In production the key goes to a file, because standard output is collected in logs there. Raises CommandError when
    that file cannot be written; then no key is created.
    """
    if not initialise:
        return "" if APIKey.objects.exists() else NO_KEY
    with database.one_at_a_time(), transactions.open_transaction():
        made = create_first_key()
        if made is None:
            return ""
        key, secret = made
        if settings.PRODUCTION:
            file = str(_write(secret))
            where, shown, sent = (
                "written to this file, which only its owner can read",
                file,
                f"$(cat {shlex.quote(file)})",
            )
        else:
            where, shown, sent = "shown only this once", secret, secret
    expires = f"until {key.expires_at:%Y-%m-%d}" if key.expires_at else "without end"
    return (
        f"\nThe database had no key. An admin key, valid {expires}, is {where}:\n\n  {shown}\n\nTry it:\n\n"
        f'  curl {addresses.curl_options}-H "Authorization: Bearer {sent}" {addresses.local}/api/models\n\n'
    )


def _write(secret: str) -> Path:
    """Write the key to its file, and return the file's path. Raises CommandError."""
    path: Path = settings.VAR_DIR / FILE
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(f"{secret}\n")
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        raise CommandError(
            f"The database has no key yet, and {path} holds one already, of another database. Move it away first."
        ) from None
    except OSError as error:
        raise CommandError(f"The first key cannot be written to {path}: {error.strerror}.") from error
    return path
