"""The address of a deployment. The service may call it, so it must not lead a caller into the network behind the
service, unless the operator allows that (DEPLOYMENT_PRIVATE_ENDPOINTS).

The text alone is judged. A host name is not resolved, since it may resolve to another address a moment later; code that
calls an endpoint checks the address that it connects to.
"""

import ipaddress
import re
import socket
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError

MAX_ENDPOINT = 2_000

HOST_AND_PORT = re.compile(r"(?:\[[^\[\]]+\]|[^\[\]:]+)(?::[0-9]{1,5})?", re.ASCII)
LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
NAME = re.compile(rf"(?:{LABEL}\.)*{LABEL}")
# The last label of what clients take for an IPv4 address, however it is written (WHATWG's "ends in a number").
NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
DOTTED = re.compile(r"(?:(?:0|[1-9][0-9]{0,2})\.){3}(?:0|[1-9][0-9]{0,2})")
INNER_DOMAINS = (
    "local", "localhost", "localdomain", "internal", "intranet", "lan", "corp", "home", "private", "arpa", "svc",
    "test", "invalid", "box",
)  # fmt: skip
# Ranges that Python's ipaddress calls global, and that lead to no public host: IANA's special-purpose registries
# (RFC 6890 and its successors), and one host of a cloud that has a public address.
SPECIAL = [
    ipaddress.ip_network(text)
    for text in (
        "168.63.129.16/32",  # Azure's host
        "192.0.0.0/24",  # IETF protocol assignments
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # the relays of 6to4
        "192.175.48.0/24",  # AS112
        "2001::/23",  # IETF protocol assignments: ORCHID, benchmarks, AMT, AS112; Teredo is judged by what it holds
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
]
UNICAST = ipaddress.ip_network("2000::/3")  # all of IPv6 that is given out to hosts; 5f00::/16, for one, is not
ISATAP = 0x5EFE  # with a bit that says of how far the IPv4 address holds: RFC 5214
NAT64 = ipaddress.ip_network("64:ff9b::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def validate_endpoint(url: str) -> None:
    """Raises Django's ValidationError."""
    if not re.fullmatch(r"[!-~]+", url, re.ASCII) or "\\" in url:
        raise _bad("An address has visible ASCII characters and no backslash; write names with others as xn--….")
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname or ""
    except ValueError:
        raise _bad("This is not an address.") from None
    if parts.scheme not in ("http", "https") or not url.lower().startswith(f"{parts.scheme}://"):
        raise _bad("An endpoint begins with http:// or https://.")
    if "@" in parts.netloc:
        raise _bad("An endpoint holds no user and no password.")
    if "#" in url:
        raise _bad("An endpoint holds no fragment.")
    if not HOST_AND_PORT.fullmatch(parts.netloc) or port == 0:
        raise _bad("After the scheme comes a host, and maybe a port from 1 to 65535.")
    _check_host(host, bracketed=parts.netloc.startswith("["))


def _check_host(host: str, bracketed: bool) -> None:
    if bracketed:
        address: Address | None = _ipv6(host)
    else:
        host = host.removesuffix(".")
        if not NAME.fullmatch(host) or len(host) > 253:
            raise _bad("This names no host.")
        address = _ipv4(host) if NUMBER.fullmatch(host.rpartition(".")[2]) else None
    if settings.DEPLOYMENT_PRIVATE_ENDPOINTS:
        return
    if address is not None:
        inner = not _is_public(address)
    else:
        inner = "." not in host or any(host == domain or host.endswith(f".{domain}") for domain in INNER_DOMAINS)
    if inner:
        raise ValidationError("Private and local addresses are not allowed as endpoints.", "private_endpoint")


def _ipv6(host: str) -> ipaddress.IPv6Address:
    try:
        if "%" in host:
            raise ValueError
        return ipaddress.IPv6Address(host)
    except ValueError:
        raise _bad("What stands in brackets is an IPv6 address, without a zone.") from None


def _ipv4(host: str) -> ipaddress.IPv4Address:
    """The IP address that a host stands for, also in the forms that clients accept, such as 2130706433, 0x7f.1 and
    0177.0.0.1."""
    if not DOTTED.fullmatch(host) and not settings.DEPLOYMENT_PRIVATE_ENDPOINTS:
        raise _bad("Write an IPv4 address as four decimal numbers without leading zeros.")
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except OSError:
        raise _bad("This is not an IPv4 address.") from None


def _is_public(address: Address) -> bool:
    """Whether an address is public, also as one of the IPv4 addresses that an IPv6 address can embed, to which gateways
    and hosts pass it on."""
    if isinstance(address, ipaddress.IPv6Address):
        held = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if address in NAT64:
            held = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if held is not None:
            return _is_public(held)
        if int(address) >> 32 & 0xFDFFFFFF == ISATAP:
            return _is_public(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
        if address not in UNICAST:
            return False
    if any(address in network for network in SPECIAL):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved)


def _bad(sentence: str) -> ValidationError:
    return ValidationError(sentence, "invalid_endpoint")
