"""/api/usage"""

from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from keys.models import Permission
from keys.principal import principal_of
from mcp_project.errors import FieldError, Invalid
from mcp_project.http.csv_response import csv_response, wants_csv
from mcp_project.http.pagination import MAX_PAGE_SIZE, page, place_of
from usage.models import Event
from usage.queries import EventsQuery, ReportQuery, TimeSeriesQuery, conditions, period_of, visible
from usage.reports import FIGURE_COLUMNS, Report, TooManyGroups, period_fields, time_series
from usage.serializers import EventSerializer, ReportSerializer, TimeSeriesSerializer

MAX_GROUPS = 10_000  # in one answer of JSON
NEWEST_FIRST = ("-time", "-id")
FIELDS = EventSerializer.Meta.fields


def answers(serializer: Any) -> dict[Any, Any]:
    return {(200, "application/json"): serializer, (200, "text/csv"): OpenApiTypes.STR}


@extend_schema(tags=["usage"])
@extend_schema_view(
    list=extend_schema(
        summary="List answered requests, newest first",
        description="An admin key sees all, another its own. Refusals (401, 429) of one key or address, with one "
        "code and within a second, are one event, with a `count`; so are answers to `GET /api/keys/me`. As CSV all of "
        "them, not a page.",
        parameters=[EventsQuery],
        responses=answers(EventSerializer(many=True)),
    )
)
class UsageViewSet(mixins.ListModelMixin, GenericViewSet[Event]):
    required_permission = Permission.READ
    queryset = Event.objects.none()  # for the OpenAPI document; requests get get_queryset's
    serializer_class = EventSerializer
    filter_backends = ()  # EventsQuery reads the parameters
    ordering = NEWEST_FIRST

    def get_queryset(self) -> QuerySet[Event]:
        query = EventsQuery.read(self.request)
        events = Event.objects.filter(visible(principal_of(self.request)), conditions(query))
        if "from" in query:
            events = events.filter(time__gte=query["from"])
        return events.filter(time__lt=query["to"]) if "to" in query else events

    def list(self, request: Request) -> HttpResponseBase:  # type: ignore[override]
        if wants_csv(request):
            events = self.get_queryset()
            pages = [name for name in ("limit", "cursor") if name in request.query_params]
            if pages:
                raise Invalid(*(FieldError(name, "CSV has all events, in no pages.") for name in pages))
            return csv_response("events", FIELDS, every(events))
        return super().list(request)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        patch_vary_headers(response, ["Accept"])  # JSON or CSV
        return super().finalize_response(request, response, *args, **kwargs)

    @extend_schema(
        summary="Report the usage of a period",
        description="Of an admin key all usage, of another its own. A request is counted at most two seconds after its "
        "answer. Without `to` until now, without `from` the 24 hours before that.",
        parameters=[ReportQuery],
        responses=answers(ReportSerializer),
    )
    @action(detail=False)
    def report(self, request: Request) -> HttpResponseBase:
        query = ReportQuery.read(request)
        period = period_of(query)
        report = Report(period, query.get("group_by") or (), self._condition(query), principal_of(request))
        if wants_csv(request):
            return csv_response("usage", report.columns, report.groups())
        try:
            return Response(report.document(MAX_GROUPS))
        except TooManyGroups:
            text = f"Those are more than {MAX_GROUPS} groups: ask for fewer, for a shorter time, or for CSV."
            raise Invalid(FieldError("group_by", text, "too_many_groups")) from None

    @extend_schema(
        summary="Report the usage of each hour or day of a period",
        description="As `GET /api/usage`, with a point for each step, also where nothing was counted.",
        parameters=[TimeSeriesQuery],
        responses=answers(TimeSeriesSerializer),
    )
    @action(detail=False)
    def timeseries(self, request: Request) -> HttpResponseBase:
        query = TimeSeriesQuery.read(request)
        period = period_of(query)
        points = time_series(period, query["step"], self._condition(query))
        if wants_csv(request):
            return csv_response("timeseries", ("time", *FIGURE_COLUMNS), points)
        return Response({**period_fields(period), "step": query["step"], "points": list(points)})

    def _condition(self, query: dict[str, Any]) -> Any:
        return conditions(query, "series__") & visible(principal_of(self.request), "series__")


def every(events: QuerySet[Event]) -> Iterator[dict[str, Any]]:
    """In pages of their own, so that no query runs for as long as the client reads."""
    rows: list[dict[str, Any]] = page(events.values(*FIELDS), NEWEST_FIRST, None, MAX_PAGE_SIZE)
    while rows:
        yield from rows
        rows = page(events.values(*FIELDS), NEWEST_FIRST, place_of(rows[-1], NEWEST_FIRST), MAX_PAGE_SIZE)
