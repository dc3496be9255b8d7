"""The limiter's tables."""

from django.db import models


class Bucket(models.Model):
    """The token bucket of a key, by keys.limits.buckets. An unlogged table: after a crash of PostgreSQL it is empty,
    and every bucket full."""

    key_id = models.UUIDField(primary_key=True)  # the key's `pool_id`
    full_at = models.BigIntegerField()  # this and the next: nanoseconds since 1970
    seen_at = models.BigIntegerField()
    admitted = models.BooleanField()

    def __str__(self) -> str:
        return str(self.key_id)


class DoorCounter(models.Model):
    """A counter of keys.limits.doors, in an unlogged table."""

    name = models.CharField(max_length=250, primary_key=True)
    count = models.BigIntegerField()
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.name
