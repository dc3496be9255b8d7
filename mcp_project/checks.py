"""System checks of the frame: what an operator can get wrong and the settings' types do not show."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from mcp_project.http.client_address import networks


@register()
def trusted_proxies_are_networks(**_: Any) -> list[CheckMessage]:
    try:
        networks(tuple(settings.TRUSTED_PROXIES))
    except ValueError as error:
        return [Error(f"TRUSTED_PROXIES must be addresses or networks: {error}.", id="mcp_project.E001")]
    return []


@register()
def hosts_are_names(**_: Any) -> list[CheckMessage]:
    return [
        Error(f"ALLOWED_HOSTS holds {host!r}: a name without scheme, port and path is wanted.", id="mcp_project.E002")
        for host in settings.ALLOWED_HOSTS
        if "/" in host or (":" in host and not host.startswith("["))
    ]
