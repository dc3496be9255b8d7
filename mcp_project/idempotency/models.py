"""The responses that repeats get, and how many bytes of them are kept."""

from django.db import models


class KeptResponse(models.Model):
    """The response to a request with an `Idempotency-Key`, written in the transaction of what the request did.

    A row that other transactions can see has its response. The row shows nothing of the request or the response.
    """

    pk = models.CompositePrimaryKey("caller_id", "idempotency_key")
    caller_id = models.UUIDField()  # no foreign key: callers stay on record, and a check would lock the caller's row
    idempotency_key = models.CharField(max_length=255)
    # Computed with a secret, like the response: from a plain digest, a body that can be guessed could be confirmed.
    request_digest = models.BinaryField()
    response = models.BinaryField()  # sealed
    made_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.idempotency_key


class KeptBytes(models.Model):
    """How many bytes of responses an account had kept in an hour. These rows are few, where responses may be a
    million."""

    pk = models.CompositePrimaryKey("account_id", "hour")
    account_id = models.UUIDField()
    hour = models.DateTimeField()
    bytes = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.hour:%Y-%m-%d %H:00} {self.bytes}"
