from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from usage.models import Event


@admin.register(Event)
class EventAdmin(ModelAdmin):  # type: ignore[misc]
    """Read-only: the ledger is not written by hand."""

    list_display = ("time", "owner", "method", "route", "status", "code", "duration_us", "client")
    list_filter = ("status", "method", "route")
    search_fields = ("request_id", "owner")
    ordering = ("-pk",)
    show_full_result_count = False

    def has_add_permission(self, _request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False
