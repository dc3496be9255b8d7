"""The limiter's tables."""

from django.db import models


class Bucket(models.Model):
    """The token bucket of a pool, by `keys_spend`. An unlogged table: after a crash of PostgreSQL it is empty, and
    every bucket full."""

    pool_id = models.UUIDField(primary_key=True)
    full_at = models.BigIntegerField()  # nanoseconds since 1970

    def __str__(self) -> str:
        return str(self.pool_id)


class Quota(models.Model):
    """The usage of a pool in a day and a month of UTC, and in the day and month counted before them: a clock that has
    jumped ahead may come back. Only pools with a quota have a row."""

    pool_id = models.UUIDField(primary_key=True)
    day = models.IntegerField()  # since 1970
    day_used = models.BigIntegerField()
    prior_day = models.IntegerField(db_default=0)
    prior_day_used = models.BigIntegerField(db_default=0)
    month = models.IntegerField()  # since the year 0
    month_used = models.BigIntegerField()
    prior_month = models.IntegerField(db_default=0)
    prior_month_used = models.BigIntegerField(db_default=0)

    def __str__(self) -> str:
        return str(self.pool_id)
