from django.contrib import admin

from keys.models import AuditEntry
from mcp_project.admin import ReadOnlyAdmin, in_lines


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    """The database itself refuses to change the trail."""

    fields = (
        "id", "at", "actor", "action", "object_type", "object_id", "object_name", in_lines("changes"), "request_id",
    )  # fmt: skip
    list_display = ("at", "actor", "action", "object_name", "changes", "request_id")
    list_filter = ("action", "object_type")
    search_fields = ("actor", "object_id", "object_name", "request_id")
    ordering = ("-pk",)
