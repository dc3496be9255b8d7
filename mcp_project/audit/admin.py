from typing import Any

from django.contrib import admin
from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast, Left
from django.http import HttpRequest

from mcp_project.audit.models import AuditEntry
from mcp_project.staff.pages import ReadOnlyAdmin, pretty_json

SHOWN = 300  # characters of the changes, in the list


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    """The database itself refuses to change the trail."""

    fields = (
        "id", "at", "actor", "action", "object_type", "object_id", "object_name", pretty_json("changes"), "request_id",
    )  # fmt: skip
    list_display = ("at", "actor", "action", "object_name", "what", "request_id")
    list_filter = ("action", "object_type")
    search_fields = ("actor", "object_id", "object_name", "request_id")
    ordering = ("-pk",)

    def deferred_columns(self) -> tuple[str, ...]:
        return ("changes",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditEntry]:
        entries: QuerySet[AuditEntry] = super().get_queryset(request)
        return entries.annotate(beginning=Left(Cast("changes", TextField()), SHOWN))

    @admin.display(description="changes")
    def what(self, entry: Any) -> str:
        """How the changes begin: a description alone may have 64 KB. The entry's own page has them whole."""
        text: str = entry.beginning
        return text if len(text) < SHOWN else f"{text}…"
