"""Requests that cost a key nothing, so that it can read what is left when nothing is. Their rate has its own bound."""

import time
from uuid import UUID

from django.http import HttpRequest

from keys.memory import Memory
from mcp_project.http.errors import ApiError

FREE_OF_CHARGE = frozenset({("GET", "/api/keys/me"), ("HEAD", "/api/keys/me")})
FREE_A_SECOND = 10  # of one key, in one worker
KEYS_REMEMBERED = 10_000

TOO_MANY_FREE = ApiError(
    "RATE_LIMIT_EXCEEDED",
    f"Requests that cost nothing are answered {FREE_A_SECOND} times a second; `Retry-After` says how long to wait.",
    headers={"Retry-After": "1"},
)


def is_free(request: HttpRequest) -> bool:
    return (request.method, request.path_info) in FREE_OF_CHARGE


class FreeRequests:
    """Counts the free requests of each key, in this process alone and without a query: a few more do no harm."""

    def __init__(self) -> None:
        self._counts = Memory[UUID, list[int]]()

    def admit(self, key_id: UUID) -> bool:
        count = self._counts.get(key_id)
        if count is None:
            self._counts.put(key_id, [1], time.monotonic() + 1, KEYS_REMEMBERED)
            return True
        count[0] += 1
        return count[0] <= FREE_A_SECOND


free_requests = FreeRequests()
