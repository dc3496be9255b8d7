from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from keys.models import AuditEntry


@admin.register(AuditEntry)
class AuditEntryAdmin(ModelAdmin):  # type: ignore[misc]
    """Read-only: the database itself refuses to change the trail."""

    list_display = ("at", "actor", "action", "object_name", "changes", "request_id")
    list_filter = ("action", "object_type")
    search_fields = ("actor", "object_id", "object_name", "request_id")
    ordering = ("-pk",)
    show_full_result_count = False

    def has_add_permission(self, _request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False
