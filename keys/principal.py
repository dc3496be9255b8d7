"""Who a request comes from, once its key is known."""

from dataclasses import dataclass
from datetime import datetime
from typing import cast
from uuid import UUID

from rest_framework.request import Request as RestRequest

from keys.limits.rate import Rate
from keys.models import APIKey, Permission
from mcp_project.middleware import Request


@dataclass(frozen=True, slots=True)
class Principal:
    """What the rest of the request's way needs of the key, without its row."""

    key_id: UUID
    prefix: str
    owner: str
    permissions: frozenset[str]
    rate: Rate
    expires_at: datetime | None
    revoked: bool

    @classmethod
    def of(cls, key: APIKey) -> "Principal":
        return cls(
            key_id=key.pk,
            prefix=key.prefix,
            owner=key.owner,
            permissions=frozenset(key.permissions),
            rate=key.rate,
            expires_at=key.expires_at,
            revoked=key.revoked,
        )

    @property
    def actor(self) -> str:
        """How records name the principal (`created_by`)."""
        return f"key:{self.key_id}"

    def may(self, permission: str) -> bool:
        return permission in self.permissions or Permission.ADMIN in self.permissions


def principal_of(request: RestRequest) -> Principal:
    """The caller, in a view that the permission classes have let it reach."""
    return cast(Principal, request.auth)


class GovernedRequest(Request):
    """A request under /api/, as the views see it."""

    principal: Principal | None
