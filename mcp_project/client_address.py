"""Which address a request came from."""

import ipaddress
from functools import lru_cache

from django.conf import settings
from django.http import HttpRequest

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@lru_cache(maxsize=8)
def networks(texts: tuple[str, ...]) -> tuple[Network, ...]:
    """Raises ValueError for what is neither an address nor a network."""
    return tuple(ipaddress.ip_network(text, strict=False) for text in texts)


def client_address(request: HttpRequest) -> str:
    """The peer's address; behind TRUSTED_PROXIES, the last address of X-Forwarded-For that is not such a proxy.

    Read from the right: a client can write what it likes into the header, a proxy only appends to it.
    """
    address = request.META.get("REMOTE_ADDR") or "127.0.0.1"  # empty on a Unix socket
    address = str(address).partition("%")[0]  # without the zone of a link-local IPv6 address, which is this host's
    address = address.removeprefix("::ffff:") if "." in address else address  # an IPv4 peer on a socket for both
    if not settings.TRUSTED_PROXIES:
        return address
    trusted = networks(tuple(settings.TRUSTED_PROXIES))
    hops = [hop.strip() for hop in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")]
    while _is_in(address, trusted) and hops:
        hop = hops.pop().partition("%")[0]
        if not _is_address(hop):
            break
        address = hop
    return address


def _is_in(address: str, trusted: tuple[Network, ...]) -> bool:
    parsed = ipaddress.ip_address(address)
    return any(parsed in network for network in trusted)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
