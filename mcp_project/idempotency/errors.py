"""The errors of requests with an `Idempotency-Key`."""

from mcp_project.errors import Conflict


class IdempotencyKeyReused(Conflict):
    code = "IDEMPOTENCY_KEY_REUSED"
    meaning = "The `Idempotency-Key` came with another request within the last 24 hours."


class IdempotencyStoreFull(Conflict):
    code = "IDEMPOTENCY_STORE_FULL"
    meaning = (
        "So much is kept under the API key's `Idempotency-Key`s (`IDEMPOTENCY_MAX_BYTES`) that nothing was done; "
        "send it without one, or later."
    )


class IdempotencyKeyInUse(Conflict):
    code = "IDEMPOTENCY_KEY_IN_USE"
    meaning = (
        "The first request with this `Idempotency-Key` is not answered yet; repeat it after `Retry-After` seconds."
    )
