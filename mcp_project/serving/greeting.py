"""The text that `serve` prints first: an admin key for a new database, and the addresses of the service."""

import ipaddress
import os
import shlex
from pathlib import Path
from typing import NamedTuple

from django.conf import settings
from django.core.management.base import CommandError
from django.http.request import validate_host

from mcp_project import env
from mcp_project.database import initialise as database
from mcp_project.database import transactions

FIRST_KEY_FILE = "first-admin-key"  # in VAR_DIR
NO_KEY = "The database has no key yet. Make one: manage.py create_key --owner me --name first --permission admin\n"


class Addresses(NamedTuple):
    """Where the service answers: `local` on this machine (with `curl_options`), `public` in a browser."""

    local: str
    public: str
    curl_options: str

    @classmethod
    def of(cls, host: str, port: int) -> "Addresses":
        """The addresses of a service that listens on this IP address.

        It answers by a name of ALLOWED_HOSTS only. What listens on loopback is reached through a proxy, which ends TLS.
        """
        address = ipaddress.ip_address(host)
        name = "127.0.0.1" if address.is_unspecified else f"[{host}]" if address.version == 6 else host
        local = f"http://{name}:{port}"
        if validate_host(name, settings.ALLOWED_HOSTS):
            return cls(local, local, "")
        allowed = settings.ALLOWED_HOSTS[0].removeprefix(".")
        proxied = address.is_loopback or settings.TRUSTED_PROXIES
        return cls(local, f"https://{allowed}" if proxied else f"http://{allowed}:{port}", f'-H "Host: {allowed}" ')


def greeting(host: str, port: int, no_init: bool) -> str:
    """The text. Without `no_init`, a database that has no key gets its first one.

    Raises CommandError where that cannot be written to its file."""
    addresses = Addresses.of(host, port)
    text = _without_a_key() if no_init else _first_key(addresses)
    text += (
        f"Serving on {addresses.local} (documentation: {addresses.public}/api/docs, admin: {addresses.public}/admin/). "
        "Ctrl-C stops it.\n"
    )
    if ipaddress.ip_address(host).is_unspecified and not env.is_set("ALLOWED_HOSTS"):
        text += "It listens on every address, but answers to localhost only: see ALLOWED_HOSTS.\n"
    return text


def _without_a_key() -> str:
    from keys.models import APIKey

    return "" if APIKey.objects.exists() else NO_KEY


def _first_key(addresses: Addresses) -> str:
    """In production standard output is collected in logs, so there the key goes to a file."""
    from keys.services import create_first_key

    with database.one_at_a_time(), transactions.open_transaction():
        made = create_first_key()
        if made is None:
            return ""
        key, secret = made
        if settings.PRODUCTION:
            path = str(_written(secret))
            kept, shown, sent = (
                "written to this file, which only its owner can read",
                path,
                f"$(cat {shlex.quote(path)})",
            )
        else:
            kept, shown, sent = "shown only this once", secret, secret
    expires = f"until {key.expires_at:%Y-%m-%d}" if key.expires_at else "without end"
    return (
        f"\nThe database had no key. An admin key, valid {expires}, is {kept}:\n\n  {shown}\n\nTry it:\n\n"
        f'  curl {addresses.curl_options}-H "Authorization: Bearer {sent}" {addresses.local}/api/models\n\n'
    )


def _written(secret: str) -> Path:
    path: Path = settings.VAR_DIR / FIRST_KEY_FILE
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
