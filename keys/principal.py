"""Who a request comes from, once its key is known."""

import ipaddress
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast
from uuid import UUID

from rest_framework.request import Request as RestRequest

from keys.errors import AddressNotAllowed, KeyDisabled, KeyExpired, KeyRevoked
from keys.limits.decision import Limits
from keys.models import APIKey, Permission
from keys.patterns import Network, matches
from mcp_project.errors import Unauthenticated
from mcp_project.http.client_address import is_listed


@dataclass(frozen=True, slots=True)
class Principal:
    """The authenticated caller: the parts of its key that later layers need, without the row."""

    key_id: UUID
    prefix: str
    owner: str
    permissions: frozenset[str]
    model_patterns: tuple[str, ...] | None  # of the models that it may see; None for all
    networks: tuple[Network, ...] | None  # that it may be used from; None for everywhere
    limits: Limits
    expires_at: datetime | None
    enabled: bool
    revoked: bool
    read_at: float  # on time.monotonic's clock, from before the row was read

    @classmethod
    def of(cls, key: APIKey, read_at: float | None = None) -> "Principal":
        """Make the principal of a row. Without `read_at`, the row was read just now."""
        return cls(
            key_id=key.pk,
            prefix=key.prefix,
            owner=key.owner,
            permissions=frozenset(key.permissions),
            model_patterns=None if key.model_patterns is None else tuple(key.model_patterns),
            networks=None if key.allowed_ips is None else tuple(map(ipaddress.ip_network, key.allowed_ips)),
            limits=key.limits,
            expires_at=key.expires_at,
            enabled=key.enabled,
            revoked=key.revoked,
            read_at=time.monotonic() if read_at is None else read_at,
        )

    @property
    def actor(self) -> str:
        """How records name the principal."""
        return f"key:{self.key_id}"

    def require_valid(self, address: str | None) -> None:
        """Raises Unauthenticated when the key is not good now, from this address (None: from anywhere)."""
        error = self.refusal(address)
        if error is not None:
            raise error

    def refusal(self, address: str | None) -> type[Unauthenticated] | None:
        """The error that `require_valid` raises; None while the key is good."""
        if self.revoked:
            return KeyRevoked
        if self.expires_at is not None and self.expires_at <= datetime.now(UTC):
            return KeyExpired
        if not self.enabled:
            return KeyDisabled
        if self.networks is not None and address is not None and not is_listed(address, self.networks):
            return AddressNotAllowed
        return None

    def may(self, permission: str) -> bool:
        return permission in self.permissions or Permission.ADMIN in self.permissions

    def may_see(self, model_name: str) -> bool:
        return self.model_patterns is None or any(matches(pattern, model_name) for pattern in self.model_patterns)

    def keeps_rights_of(self, before: "Principal") -> bool:
        """Whether the same key still has every right that it had in `before`: permissions, models and owner. Patterns
        of models are compared as text, so an equivalent list in other patterns counts as fewer rights."""
        models = self.model_patterns is None or (
            before.model_patterns is not None and {*before.model_patterns} <= {*self.model_patterns}
        )
        return models and self.owner == before.owner and all(map(self.may, before.permissions))


def principal_of(request: RestRequest) -> Principal:
    """The caller, in a view that the permission classes have let it reach."""
    return cast(Principal, request.auth)
