"""System checks of the frame: what an operator can get wrong and the settings' types do not show."""

from collections import Counter
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from mcp_project.http.client_address import networks
from mcp_project.http.protocols import protocols
from mcp_project.patches import CHECKS, missing


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


@register()
def prefixes_are_distinct(**_: Any) -> list[CheckMessage]:
    prefixes = [(prefix, protocol.name) for protocol in protocols() for prefix in protocol.prefixes]
    counts = Counter(prefix for prefix, _ in prefixes)
    return [
        Error(
            f"Protocol {name!r} has the prefix {prefix!r}: it must begin and end with a slash and belong to no other.",
            id="mcp_project.E003",
        )
        for prefix, name in prefixes
        if not (prefix.startswith("/") and prefix.endswith("/") and len(prefix) > 1) or counts[prefix] > 1
    ]


@register()
def libraries_have_what_is_patched(**_: Any) -> list[CheckMessage]:
    sentences = {library: missing(library) for library in CHECKS}
    return [Error(sentence, id=CHECKS[library]) for library, sentence in sentences.items() if sentence]
