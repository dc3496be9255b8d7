"""The audit trail."""

from django.db import models

from mcp_project.database.ids import uuid7


class AuditEntry(models.Model):
    """One change to one thing: who, when, what from, what to. Written by keys.audit in the transaction of the change;
    a trigger of the database refuses to change or delete it."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    at = models.DateTimeField(auto_now_add=True)
    actor = models.CharField(max_length=200)
    action = models.CharField(max_length=32)
    object_type = models.CharField(max_length=32)
    object_id = models.CharField(max_length=64)
    object_name = models.CharField(max_length=255)
    changes = models.JSONField(default=dict)
    request_id = models.CharField(max_length=64, blank=True)

    class Meta:
        verbose_name_plural = "audit trail"
        ordering = ("-pk",)
        indexes = (
            models.Index(fields=["object_id", "id"], name="keys_audit_object"),
            models.Index(fields=["actor", "id"], name="keys_audit_actor"),
        )

    def __str__(self) -> str:
        return f"{self.action} {self.object_name}"
