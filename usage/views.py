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

MAX_GROUPS = 10_000  # in a JSON response
NEWEST_FIRST = ("-time", "-id")
FIELDS = EventSerializer.Meta.fields


def json_or_csv(serializer: Any) -> dict[Any, Any]:
    return {(200, "application/json"): serializer, (200, "text/csv"): OpenApiTypes.STR}


@extend_schema(tags=["usage"])
@extend_schema_view(
    list=extend_schema(
        summary="List answered requests, newest first",
        description="An admin key sees all requests, any other key its own. Identical refusals (401, 429) of one key "
        "or address within a second are one event with their number in `count`; so are responses of "
        "`GET /api/keys/me`. CSV has all events instead of a page.",
        parameters=[EventsQuery],
        responses=json_or_csv(EventSerializer(many=True)),
    )
)
class UsageViewSet(mixins.ListModelMixin, GenericViewSet[Event]):
    required_permission = Permission.READ
    queryset = Event.objects.none()  # for the OpenAPI document; requests get get_queryset's
    serializer_class = EventSerializer
    filter_backends = ()  # EventsQuery reads the parameters
    ordering = NEWEST_FIRST

    def get_queryset(self) -> QuerySet[Event]:
        query = EventsQuery.of(self.request)
        events = Event.objects.filter(visible(principal_of(self.request)), conditions(query))
        if "from" in query:
            events = events.filter(time__gte=query["from"])
        return events.filter(time__lt=query["to"]) if "to" in query else events

    def list(self, request: Request) -> HttpResponseBase:  # type: ignore[override]
        if wants_csv(request):
            events = self.get_queryset()
            pages = [name for name in ("limit", "cursor") if name in request.query_params]
            if pages:
                raise Invalid(*(FieldError(name, "CSV has no pages: leave this out.") for name in pages))
            return csv_response("events", FIELDS, all_rows(events))
        return super().list(request)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        patch_vary_headers(response, ["Accept"])  # JSON or CSV
        return super().finalize_response(request, response, *args, **kwargs)

    @extend_schema(
        summary="Report the usage of a period",
        description="An admin key sees all usage, any other key its own. A request is counted at most two seconds "
        "after its response. The default of `to` is now, that of `from` 24 hours before `to`.",
        parameters=[ReportQuery],
        responses=json_or_csv(ReportSerializer),
    )
    @action(detail=False)
    def report(self, request: Request) -> HttpResponseBase:
        query = ReportQuery.of(request)
        period = period_of(query)
        report = Report(period, query.get("group_by") or (), self._condition(query), principal_of(request))
        if wants_csv(request):
            return csv_response("usage", report.columns, report.groups())
        try:
            return Response(report.document(MAX_GROUPS))
        except TooManyGroups:
            text = f"The report has more than {MAX_GROUPS} groups: group by less, shorten the period, or request CSV."
            raise Invalid(FieldError("group_by", text, "too_many_groups")) from None

    @extend_schema(
        summary="Report the usage of each hour or day of a period",
        description="As `GET /api/usage`, with one point for each step, including those without requests.",
        parameters=[TimeSeriesQuery],
        responses=json_or_csv(TimeSeriesSerializer),
    )
    @action(detail=False)
    def timeseries(self, request: Request) -> HttpResponseBase:
        query = TimeSeriesQuery.of(request)
        period = period_of(query)
        points = time_series(period, query["step"], self._condition(query))
        if wants_csv(request):
            return csv_response("timeseries", ("time", *FIGURE_COLUMNS), points)
        return Response({**period_fields(period), "step": query["step"], "points": list(points)})

    def _condition(self, query: dict[str, Any]) -> Any:
        return conditions(query, "series__") & visible(principal_of(self.request), "series__")


def all_rows(events: QuerySet[Event]) -> Iterator[dict[str, Any]]:
    """Yield all events. They are read page by page, so that no query lasts as long as the client reads."""
    rows: list[dict[str, Any]] = page(events.values(*FIELDS), NEWEST_FIRST, None, MAX_PAGE_SIZE)
    while rows:
        yield from rows
        rows = page(events.values(*FIELDS), NEWEST_FIRST, place_of(rows[-1], NEWEST_FIRST), MAX_PAGE_SIZE)
