"""The ledger of events, its roll-ups, and the state of each journal."""

from datetime import UTC, date, datetime, time
from typing import Any

from django.db import models
from django.db.models import F


class Dimensions(models.Model):
    """The fields by which reports group and filter, beside the time. usage.events.Event explains them."""

    key_id = models.UUIDField(null=True)
    owner = models.CharField(max_length=100)
    method = models.CharField(max_length=16)
    route = models.CharField(max_length=100)
    model_id = models.UUIDField(null=True)
    status = models.PositiveSmallIntegerField()
    code = models.CharField(max_length=64)

    class Meta:
        abstract = True


class Event(Dimensions):
    """One answered request, or several identical refusals. usage.events.Event explains the fields.

    Only usage.drain writes events, and nothing changes them. The table is partitioned by `time` (usage.partitions), so
    its primary key is (time, id); `id` comes from one sequence and is unique by itself.
    """

    id = models.BigAutoField(primary_key=True)
    time = models.DateTimeField()
    request_id = models.CharField(max_length=64)
    duration_us = models.BigIntegerField()
    request_bytes = models.BigIntegerField()
    response_bytes = models.BigIntegerField()
    client = models.GenericIPAddressField(null=True)
    units = models.PositiveIntegerField()
    count = models.PositiveIntegerField(default=1)  # Event.requests: how many identical refusals were folded into this
    journal = models.IntegerField(null=True)  # DrainedJournal.id
    line = models.IntegerField(null=True)  # the event's number in its journal, from 1

    class Meta:
        ordering = ("-time", "-id")
        indexes = (
            models.Index(fields=["key_id", "time", "id"], name="usage_event_key"),
            models.Index(fields=["request_id"], name="usage_event_request"),
        )

    def __str__(self) -> str:
        return f"{self.method} {self.route} {self.status}"


class Series(Dimensions):
    """A combination of dimensions that has occurred."""

    id = models.UUIDField(primary_key=True)  # a digest of the other fields: usage.rollups.series_id

    class Meta:
        indexes = (models.Index(fields=["key_id"], name="usage_series_key"),)

    def __str__(self) -> str:
        return f"{self.method} {self.route} {self.status}"


class HistogramField(models.Field):  # type: ignore[type-arg]  # at runtime it takes no types
    """A histogram of usage.latency: `numeric` with hundreds of digits. DecimalField would require a precision."""

    def db_type(self, connection: Any) -> str:  # noqa: ARG002
        return "numeric"


class HourlyUsage(models.Model):
    """The roll-up: the sums of one hour and series.

    The transaction that writes the events adds to it. It stays when the events expire.
    """

    pk = models.CompositePrimaryKey("hour", "series")
    hour = models.DateTimeField()  # the beginning of the hour
    series = models.ForeignKey(Series, on_delete=models.PROTECT)
    requests = models.BigIntegerField()
    units = models.BigIntegerField()
    request_bytes = models.BigIntegerField()
    response_bytes = models.BigIntegerField()
    latencies = HistogramField()

    def __str__(self) -> str:
        return f"{self.hour:%Y-%m-%d %H:00} {self.requests}"


class DrainedJournalQuerySet(models.QuerySet["DrainedJournal"]):
    def fully_expired(self) -> "DrainedJournalQuerySet":
        """The journals whose file is removed and whose events have all expired."""
        return self.filter(finished_at__isnull=False, lines=F("dropped") + F("expired"))


class DrainedJournal(models.Model):
    """How much of a journal is in the ledger: `lines` - `dropped` - `expired` events."""

    id = models.AutoField(primary_key=True)
    name = models.CharField(max_length=64, unique=True)
    offset = models.BigIntegerField(default=0)  # the file is drained up to here, in bytes
    lines = models.IntegerField(default=0)  # lines before `offset`, without the header
    dropped = models.IntegerField(default=0)  # lines that could not be parsed or stored
    expired = models.IntegerField(default=0)  # events whose partition has been dropped
    finished_at = models.DateTimeField(null=True)  # when the drained file was removed

    objects = DrainedJournalQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name


class Expiry(models.Model):
    """The day before which events have been dropped. The table has at most one row."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    before = models.DateField()

    def __str__(self) -> str:
        return str(self.before)

    @classmethod
    def first_day(cls) -> datetime:
        """Return the moment from which on no event has been dropped."""
        row = cls.objects.first()
        return datetime.combine(row.before if row else date.min, time(), UTC)
