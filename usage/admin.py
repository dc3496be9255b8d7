from typing import Any

from django.contrib import admin
from django.contrib.admin.filters import AllValuesFieldListFilter

from mcp_project.staff.pages import ReadOnlyAdmin
from usage.models import Event, Series


class OfSeries(AllValuesFieldListFilter):
    """The values that have been counted, by the series: the events are too many to look for them there."""

    def __init__(self, field: Any, *others: Any, **named: Any) -> None:
        super().__init__(field, *others, **named)
        self.lookup_choices = Series.objects.order_by(field.name).values_list(field.name, flat=True).distinct()


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    """The ledger."""

    list_display = ("time", "owner", "method", "route", "status", "code", "count", "duration_us", "client")
    list_filter = (("status", OfSeries), ("method", OfSeries), ("route", OfSeries))
    search_fields = ("request_id", "owner")
    ordering = ("-time", "-id")
