"""The address of a request's client."""

import ipaddress
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from django.conf import settings

UNKNOWN = "0.0.0.0"  # noqa: S104  (no client can have this address)

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@lru_cache(maxsize=8)
def networks(texts: tuple[str, ...]) -> tuple[Network, ...]:
    """Raises ValueError for what is neither an address nor a network."""
    return tuple(ipaddress.ip_network(text, strict=False) for text in texts)


def client_address(environ: Mapping[str, Any]) -> str:
    """The IP address of a request's client, from its WSGI environ.

    It is the peer's address; behind TRUSTED_PROXIES, the last address of X-Forwarded-For that is not such a proxy. The
    header is read from the right: a client can write anything into it, a proxy only appends. An entry of a trusted
    proxy that is not an address gives UNKNOWN, which is on no list of allowed addresses, and not the proxy's own
    address, which may be on one.
    """
    address = plain(environ.get("REMOTE_ADDR") or "127.0.0.1")  # empty on a Unix socket
    if not settings.TRUSTED_PROXIES:
        return address
    trusted = networks(tuple(settings.TRUSTED_PROXIES))
    header = environ.get("HTTP_X_FORWARDED_FOR", "")
    hops = header.split(",") if header.strip() else []
    while hops and is_listed(address, trusted):
        address = plain(hops.pop())
    return address


def is_listed(address: str, listed: Iterable[Network]) -> bool:
    """Whether a list of allowed addresses names this one. UNKNOWN is on no list, not even on 0.0.0.0/0."""
    parsed = ipaddress.ip_address(address)
    return address != UNKNOWN and any(parsed in network for network in listed)


@lru_cache(maxsize=1024)
def plain(text: str) -> str:
    """The address alone, of what proxies write: with a port, in brackets, with a zone, an IPv4 one as IPv6."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return UNKNOWN
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)
