"""The caller of a repeated request: mcp_project.idempotency keeps responses for each key."""

import json
from typing import cast

from keys.credentials import credential
from keys.principal import Principal
from keys.visibility import require_visible
from mcp_project.http.call import Request


class KeyScope:
    """An mcp_project.idempotency.scope.Scope of the API key that sent a request."""

    def __init__(self, request: Request) -> None:
        self._principal = principal = cast(Principal, request.call.principal)
        self.caller_id = principal.key_id
        self.account_id = principal.limits.pool_id  # a key and its successor keep responses in the same account
        self.secret = credential(request.META)

    @property
    def rights(self) -> bytes:
        """The rights that decide about a response: a caller that has lost one must not get from a kept response what
        the view would refuse."""
        return json.dumps([sorted(self._principal.permissions), self._principal.model_patterns]).encode()

    def require_visible(self, method: str, path: str) -> None:
        """Raises NotFound if the key is bound to models and may not see the resource of the path."""
        require_visible(self._principal, method, path)
