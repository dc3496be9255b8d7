"""The ledger, and how far each journal is in it."""

from django.db import models


class Event(models.Model):
    """One answered request. Written by usage.drain alone, and never changed. Fields: usage.events.Event."""

    id = models.BigAutoField(primary_key=True)
    time = models.DateTimeField()
    request_id = models.CharField(max_length=64)
    key_id = models.UUIDField(null=True)
    owner = models.CharField(max_length=100)
    method = models.CharField(max_length=16)
    route = models.CharField(max_length=100)
    status = models.PositiveSmallIntegerField()
    code = models.CharField(max_length=64)
    duration_us = models.BigIntegerField()
    request_bytes = models.BigIntegerField()
    response_bytes = models.BigIntegerField()
    client = models.GenericIPAddressField()
    units = models.PositiveIntegerField()
    count = models.PositiveIntegerField(default=1)  # answers alike within a second that it stands for: refusals only

    class Meta:
        ordering = ("-pk",)
        indexes = (
            models.Index(fields=["time"], name="usage_event_time"),
            models.Index(fields=["key_id", "id"], name="usage_event_key"),
        )

    def __str__(self) -> str:
        return f"{self.method} {self.route} {self.status}"


class DrainedJournal(models.Model):
    """A journal file that is not yet wholly in the ledger, and the byte up to which it is."""

    name = models.CharField(max_length=64, primary_key=True)
    offset = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return self.name
