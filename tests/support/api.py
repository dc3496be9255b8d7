"""A client of the API for tests in process, and what belongs to its requests."""

import json
from typing import TYPE_CHECKING, Any

from django.test import Client

from keys.models import APIKey
from keys.services import create_key
from usage.drain import drain
from usage.journal import journal

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Response


class Api:
    """A test client that sends one key with each request, and JSON."""

    def __init__(self, key: str | None = None, row: APIKey | None = None) -> None:
        self.key = key
        self._row = row
        self._client = Client(raise_request_exception=False)

    @property
    def row(self) -> APIKey:
        assert self._row is not None
        return self._row

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> "Response":
        sent = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        content_type = sent.pop("Content-Type", "application/json")
        return self._client.generic(method, path, data, content_type, headers=sent)

    def get(self, path: str, **headers: str) -> "Response":
        return self("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> "Response":
        return self("POST", path, body, **headers)

    def delete(self, path: str, **headers: str) -> "Response":
        return self("DELETE", path, **headers)


def api(owner: str, *permissions: str, **fields: Any) -> Api:
    row, key = create_key("test", owner=owner, name=f"{owner}'s key", permissions=list(permissions), **fields)
    return Api(key, row)


def drain_own_journal() -> None:
    """Drain this process's journal, as the flusher thread does in a served process when that ends."""
    path = journal.path
    if path is not None:
        journal.retire()
        drain(path)
