"""The table of protocols, by path prefix: governed paths, limits of bodies, and shapes of errors.

`settings.PROTOCOLS` names the rows, as dotted paths to Protocol objects. A protocol is added by a package that has one,
and one line in the settings.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from django.conf import settings
from django.core.signals import setting_changed
from django.utils.module_loading import import_string

if TYPE_CHECKING:
    from mcp_project.errors import DomainError


class Rendered(NamedTuple):
    """An error as a client of some protocol receives it."""

    status: int
    body: Mapping[str, Any]  # sent as JSON


Renderer = Callable[["DomainError", str | None], Rendered]  # takes the error and the request id


@dataclass(frozen=True, kw_only=True)
class Route:
    """The paths of a protocol for which some of its properties differ. None keeps the protocol's own."""

    pattern: str  # a regular expression that the whole path matches, without its trailing slash
    render_error: Renderer | None = None
    max_body: str | None = None
    long: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """A row of the table. Requests under its prefixes need a key, are limited, metered and logged."""

    name: str
    prefixes: tuple[str, ...]  # such as "/v1/"; each begins and ends with a slash, and the longest that fits wins
    urls: str  # the URLconf that is included under each prefix
    render_error: Renderer
    max_body: str = "MAX_BODY_BYTES"  # the setting that limits its request bodies, in bytes
    documented: bool = False  # whether its operations are in the OpenAPI document
    long: bool = False  # whether responses are streamed while they are made, or waited for: no transaction is held
    open_paths: frozenset[str] = frozenset()  # under its prefixes, and neither authenticated nor metered
    routes: tuple[Route, ...] = ()  # exceptions by route; the first that matches applies

    @property
    def body_limit(self) -> int:
        """The most bytes of a request body."""
        return int(getattr(settings, self.max_body))

    def governs(self, path: str) -> bool:
        """Whether requests to this path of the protocol need a key, are limited and are metered."""
        return path not in self.open_paths


Row = tuple[str, Protocol, tuple[tuple[re.Pattern[str], Protocol], ...]]


@cache
def protocols() -> tuple[Protocol, ...]:
    """The rows that `settings.PROTOCOLS` names."""
    return tuple(import_string(name) for name in settings.PROTOCOLS)


@cache
def _rows() -> tuple[Row, ...]:
    """Each prefix with its protocol and that protocol's exceptions, the longest prefix first."""
    rows = [
        (prefix, protocol, tuple((re.compile(route.pattern), _adjusted(protocol, route)) for route in protocol.routes))
        for protocol in protocols()
        for prefix in protocol.prefixes
    ]
    return tuple(sorted(rows, key=lambda row: len(row[0]), reverse=True))


def _adjusted(protocol: Protocol, route: Route) -> Protocol:
    changes = {name: getattr(route, name) for name in ("render_error", "max_body", "long")}
    return replace(protocol, **{name: value for name, value in changes.items() if value is not None})


def protocol_of(path: str) -> Protocol | None:
    """The protocol of a path, with the exceptions for its route applied; None for a path outside all protocols."""
    slashed = path if path.endswith("/") else f"{path}/"
    for prefix, protocol, routes in _rows():
        if slashed.startswith(prefix):
            for pattern, adjusted in routes:
                if pattern.fullmatch(slashed, 0, len(slashed) - 1):
                    return adjusted
            return protocol
    return None


def is_governed(path: str) -> bool:
    """Whether requests to the path need a key, are limited and are metered."""
    protocol = protocol_of(path)
    return protocol is not None and protocol.governs(path)


def body_limit(protocol: Protocol | None) -> int:
    """The most bytes of a body that requests of the protocol may have; None stands for paths outside all protocols."""
    return int(settings.MAX_BODY_BYTES) if protocol is None else protocol.body_limit


def forget(*, setting: str, **_: Any) -> None:
    """Read the table again after a test has changed the settings."""
    if setting == "PROTOCOLS":
        protocols.cache_clear()
        _rows.cache_clear()


setting_changed.connect(forget)
