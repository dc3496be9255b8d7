"""/api/usage"""

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from keys.models import Permission
from keys.principal import principal_of
from usage.models import Event
from usage.reports import usage_by_route, visible_events
from usage.serializers import EventSerializer, UsageSerializer


@extend_schema(tags=["usage"])
@extend_schema_view(
    list=extend_schema(
        summary="List answered requests, newest first",
        description="An admin key sees all, another its own. Refusals (401, 429) that are alike and come within a "
        "second are one event, with a `count`.",
    )
)
class EventViewSet(mixins.ListModelMixin, GenericViewSet[Event]):
    required_permission = Permission.READ
    queryset = Event.objects.none()  # for the OpenAPI document; requests get get_queryset's
    serializer_class = EventSerializer

    def get_queryset(self) -> QuerySet[Event]:
        return visible_events(principal_of(self.request))

    @extend_schema(
        summary="Count requests and errors by route",
        description="An admin key counts all, another its own. A request is counted about a second after its answer.",
        responses=UsageSerializer,
    )
    @action(detail=False)
    def summary(self, _request: Request) -> Response:
        return Response(usage_by_route(self.get_queryset()))
