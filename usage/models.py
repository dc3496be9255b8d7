"""The ledger, its roll-ups, and how far each journal is in it."""

from datetime import UTC, date, datetime, time
from typing import Any

from django.db import models
from django.db.models import F


class Counted(models.Model):
    """By what requests are told apart in reports, beside their time. Fields: usage.events.Event."""

    key_id = models.UUIDField(null=True)
    owner = models.CharField(max_length=100)
    method = models.CharField(max_length=16)
    route = models.CharField(max_length=100)
    model_id = models.UUIDField(null=True)
    status = models.PositiveSmallIntegerField()
    code = models.CharField(max_length=64)

    class Meta:
        abstract = True


class Event(Counted):
    """One answered request. Written by usage.drain alone, and never changed. Fields: usage.events.Event.

    The table is partitioned by `time` (usage.partitions), and so its primary key is (time, id); `id`, of one sequence,
    is unique all the same.
    """

    id = models.BigAutoField(primary_key=True)
    time = models.DateTimeField()
    request_id = models.CharField(max_length=64)
    duration_us = models.BigIntegerField()
    request_bytes = models.BigIntegerField()
    response_bytes = models.BigIntegerField()
    client = models.GenericIPAddressField(null=True)
    units = models.PositiveIntegerField()
    count = models.PositiveIntegerField(default=1)  # answers alike within a second that it stands for: refusals only
    journal = models.IntegerField(null=True)  # DrainedJournal's id, and the event's number there, from 1
    line = models.IntegerField(null=True)

    class Meta:
        ordering = ("-time", "-id")
        indexes = (
            models.Index(fields=["key_id", "time", "id"], name="usage_event_key"),
            models.Index(fields=["request_id"], name="usage_event_request"),
        )

    def __str__(self) -> str:
        return f"{self.method} {self.route} {self.status}"


class Series(Counted):
    """A row for each combination of what requests are counted by that has occurred."""

    id = models.UUIDField(primary_key=True)  # a digest of the other fields: usage.rollups.series_id

    class Meta:
        indexes = (models.Index(fields=["key_id"], name="usage_series_key"),)

    def __str__(self) -> str:
        return f"{self.method} {self.route} {self.status}"


class HistogramField(models.Field):  # type: ignore[type-arg]  # at runtime it takes no types
    """A number of hundreds of digits, as usage.latency has it: `numeric`, for which DecimalField wants a precision."""

    def db_type(self, connection: Any) -> str:  # noqa: ARG002
        return "numeric"


class HourlyUsage(models.Model):
    """The roll-up: what was counted of an hour and a series. Written in the transaction that writes the events, and
    kept when those expire."""

    pk = models.CompositePrimaryKey("hour", "series")
    hour = models.DateTimeField()  # its beginning
    series = models.ForeignKey(Series, on_delete=models.PROTECT)
    requests = models.BigIntegerField()
    units = models.BigIntegerField()
    request_bytes = models.BigIntegerField()
    response_bytes = models.BigIntegerField()
    latencies = HistogramField()

    def __str__(self) -> str:
        return f"{self.hour:%Y-%m-%d %H:00} {self.requests}"


class DrainedJournalQuerySet(models.QuerySet["DrainedJournal"]):
    def gone(self) -> "DrainedJournalQuerySet":
        """Those of which nothing is left: no file, and no event."""
        return self.filter(finished_at__isnull=False, lines=F("dropped") + F("expired"))


class DrainedJournal(models.Model):
    """A journal, and how much of it is in the ledger: `lines` - `dropped` - `expired` events."""

    id = models.AutoField(primary_key=True)
    name = models.CharField(max_length=64, unique=True)
    offset = models.BigIntegerField(default=0)  # the byte of the file up to which it is there
    lines = models.IntegerField(default=0)  # events up to there
    dropped = models.IntegerField(default=0)  # of them, those that could not be read or stored
    expired = models.IntegerField(default=0)  # and those whose partition has been dropped
    finished_at = models.DateTimeField(null=True)  # when its file, drained, was removed

    objects = DrainedJournalQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name


class Expiry(models.Model):
    """Of days before `before`, events have been dropped. One row, or none."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    before = models.DateField()

    def __str__(self) -> str:
        return str(self.before)

    @classmethod
    def first_day(cls) -> datetime:
        """From when on the ledger is whole."""
        row = cls.objects.first()
        return datetime.combine(row.before if row else date.min, time(), UTC)
