"""The text that `serve` prints first: what the apps have to say, and the addresses of the service."""

import ipaddress
from typing import NamedTuple

from django.conf import settings
from django.http.request import validate_host
from django.utils.module_loading import import_string

from mcp_project import env


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


def greeting(host: str, port: int, initialise: bool) -> str:
    """The text that `serve` prints before it answers requests.

    `settings.GREETINGS` names functions of apps, as dotted paths: each takes the addresses and whether `serve` may
    write to the database, and returns lines to print first, or nothing."""
    addresses = Addresses.of(host, port)
    text = "".join(import_string(name)(addresses, initialise) for name in settings.GREETINGS)
    text += (
        f"Serving on {addresses.local} (documentation: {addresses.public}/api/docs, admin: {addresses.public}/admin/). "
        "Ctrl-C stops it.\n"
    )
    if ipaddress.ip_address(host).is_unspecified and not env.is_set("ALLOWED_HOSTS"):
        text += "It listens on every address, but answers to localhost only: see ALLOWED_HOSTS.\n"
    return text
