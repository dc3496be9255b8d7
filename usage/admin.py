from django.contrib import admin

from mcp_project.admin import ReadOnlyAdmin
from usage.models import Event


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    """The ledger."""

    list_display = ("time", "owner", "method", "route", "status", "code", "count", "duration_us", "client")
    list_filter = ("status", "method", "route")
    search_fields = ("request_id", "owner")
    ordering = ("-pk",)
    show_full_result_count = False
