"""Allow-lists: names of models with `*`, and networks of addresses."""

import ipaddress
import re
from collections.abc import Iterable
from typing import Any

from django.core.exceptions import ValidationError

from mcp_project.database.validators import printable

MAX_ENTRIES = 100
MAX_PATTERN = 255

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def validate_model_patterns(patterns: Any) -> None:
    """A list of names, in which `*` stands for anything. None is no list; an empty one would allow nothing, and is
    taken for a mistake."""
    _validate_list(patterns)
    for pattern in patterns:
        printable(pattern)
        if not 1 <= len(pattern) <= MAX_PATTERN:
            raise ValidationError(f"A pattern has from 1 to {MAX_PATTERN} characters.", "invalid_pattern")


def validate_networks(texts: Any) -> None:
    _validate_list(texts)
    for text in texts:
        try:
            network = ipaddress.ip_network(text.replace("%", "no zones"), strict=False)
        except ValueError:
            raise ValidationError(f"{text!r} is neither an address nor a network.", "invalid_network") from None
        if network.version == 6 and network.network_address.ipv4_mapped:
            raise ValidationError(f"Write {text!r} as an IPv4 network.", "invalid_network")


def normal_networks(texts: Iterable[str]) -> list[str]:
    """`10.1.2.3/8` as `10.0.0.0/8`."""
    return [str(ipaddress.ip_network(text, strict=False)) for text in texts]


def matches(pattern: str, name: str) -> bool:
    """Whether the pattern matches the whole name. Takes linear time for each `*`; a regular expression can take minutes
    on a hostile name."""
    first, *rest = pattern.split("*")
    if not rest:
        return name == pattern
    *middle, last = rest
    if len(name) < len(first) + len(last) or not (name.startswith(first) and name.endswith(last)):
        return False
    at, end = len(first), len(name) - len(last)
    for part in middle:
        start = name.find(part, at, end)
        if start < 0:
            return False
        at = start + len(part)
    return True


def as_like(pattern: str) -> str:
    """The pattern as PostgreSQL's LIKE takes it."""
    return re.sub(r"([\\%_])", r"\\\1", pattern).replace("*", "%")


def _validate_list(value: Any) -> None:
    if value is None:
        return
    if not value:
        raise ValidationError("An empty list would allow nothing; null allows everything.", "empty")
    if len(value) > MAX_ENTRIES:
        raise ValidationError(f"At most {MAX_ENTRIES} entries.", "too_many")
