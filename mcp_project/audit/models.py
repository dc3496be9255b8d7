"""The audit trail."""

from django.db import models

from mcp_project.database.ids import uuid7


class AuditEntry(models.Model):
    """One change to one thing: who, when, from what to what. mcp_project.audit.trail writes it in the change's own
    transaction; a trigger (sql/append_only.sql) refuses to change or delete it."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    at = models.DateTimeField(auto_now_add=True)
    actor = models.CharField(max_length=200)
    action = models.CharField(max_length=32)  # one of mcp_project.audit.actions
    object_type = models.CharField(max_length=32)
    object_id = models.CharField(max_length=64)
    object_name = models.CharField(max_length=255)
    changes = models.JSONField(default=dict)
    request_id = models.CharField(max_length=64, blank=True)

    class Meta:
        db_table = "audit_entry"
        verbose_name_plural = "audit trail"
        ordering = ("-pk",)
        indexes = (
            models.Index(fields=["object_id", "id"], name="audit_entry_object"),
            models.Index(fields=["actor", "id"], name="audit_entry_actor"),
        )

    def __str__(self) -> str:
        return f"{self.action} {self.object_name}"
