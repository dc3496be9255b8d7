"""The answers that repeats get, and how many bytes of them there are."""

from django.db import models


class KeptAnswer(models.Model):
    """What a key's request with an `Idempotency-Key` was answered: by keys.idempotency, in the transaction of what the
    request did. A row that others can see has its answer; of its request and its answer it tells nothing."""

    pk = models.CompositePrimaryKey("key_id", "idempotency_key")
    key_id = models.UUIDField()  # no foreign key: keys stay on record, and a check of it would lock the key's row
    idempotency_key = models.CharField(max_length=255)
    request_digest = models.BinaryField()  # under a key, as the answer: else a body that can be guessed can be told
    answer = models.BinaryField()  # sealed
    made_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.idempotency_key


class KeptBytes(models.Model):
    """How many bytes of answers the keys of a pool had kept in an hour. Its rows are few, where the answers may be a
    million."""

    pk = models.CompositePrimaryKey("pool_id", "hour")
    pool_id = models.UUIDField()
    hour = models.DateTimeField()
    bytes = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.hour:%Y-%m-%d %H:00} {self.bytes}"
