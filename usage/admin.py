from typing import Any

from django.contrib import admin
from django.contrib.admin.filters import AllValuesFieldListFilter

from mcp_project.staff.pages import ReadOnlyAdmin
from usage.models import Event, Series


class SeriesValuesFilter(AllValuesFieldListFilter):
    """Offers the values that occur in the series: to collect them from the events would read the whole ledger."""

    def __init__(self, field: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(field, *args, **kwargs)
        self.lookup_choices = Series.objects.order_by(field.name).values_list(field.name, flat=True).distinct()


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    """The pages of the ledger, for reading only."""

    list_display = ("time", "owner", "method", "route", "status", "code", "count", "duration_us", "client")
    list_filter = (("status", SeriesValuesFilter), ("method", SeriesValuesFilter), ("route", SeriesValuesFilter))
    search_fields = ("request_id", "owner")
    ordering = ("-time", "-id")
