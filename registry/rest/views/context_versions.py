"""/api/contexts/{context_id}/versions"""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from keys.models import Permission
from mcp_project.http.fields import ShownFields
from mcp_project.http.preconditions import unless_known
from mcp_project.http.rest import PREFIX
from registry.context_differences import compare
from registry.models import ContextVersion
from registry.queries import read_context_version
from registry.rest.filters import ContextVersionFilter, ordering_of
from registry.rest.serializers.context_versions import (
    BriefContextVersionSerializer,
    ContextDiffSerializer,
    ContextVersionSerializer,
    RenderedSerializer,
    ValuesSerializer,
)
from registry.rest.serializers.differences import DiffQuery
from registry.rest.views.resources import CONTEXT_ID, KNOWN, ContextVersionView, ContextView, ListView
from registry.search.ordering import CONTEXT_VERSION_ORDER
from registry.services import contexts as services
from registry.services.rendering import render


@extend_schema(tags=["contexts"], parameters=[CONTEXT_ID])
@extend_schema_view(list=extend_schema(summary="List the versions of a context, newest first, without their content"))
class ContextVersionListView(ShownFields, ListView, ContextView):
    queryset = ContextVersion.objects.none()  # for the OpenAPI document; requests get get_queryset's
    serializer_class = ContextVersionSerializer
    brief = BriefContextVersionSerializer
    filterset_class = ContextVersionFilter
    large = ("description", *ContextVersion.CONTENT)

    def get_queryset(self) -> QuerySet[ContextVersion]:
        versions: QuerySet[ContextVersion] = self.resource().versions.all()
        return versions

    @property
    def ordering(self) -> tuple[str, ...]:
        return ordering_of(self.request, CONTEXT_VERSION_ORDER, ("-number",))

    @extend_schema(
        summary="Make a version",
        description="It is never changed.",
        request=ContextVersionSerializer,
        responses={201: ContextVersionSerializer},
    )
    def create(self, request: Request, context_id: str) -> Response:
        self.find()  # before the body is read: its errors are only for callers that may see the context
        version = services.create_version(self.principal, context_id, **ContextVersionSerializer.read(request.data))
        location = f"{PREFIX}contexts/{version.context.pk}/versions/{version.number}"
        headers = {"Location": location, "ETag": version.etag}
        return Response(ContextVersionSerializer.show(version), status=status.HTTP_201_CREATED, headers=headers)


@extend_schema(tags=["contexts"], parameters=[CONTEXT_ID])
class ContextVersionDetailView(ContextVersionView):
    serializer_class = ContextVersionSerializer

    @extend_schema(summary="Read a version", parameters=[KNOWN], responses={200: ContextVersionSerializer, 304: None})
    def retrieve(self, request: Request, **_path: Any) -> Response:
        version = self.find()
        return unless_known(request, version.etag, lambda: ContextVersionSerializer.show(version))


@extend_schema(tags=["contexts"], parameters=[CONTEXT_ID])
class ContextDiffView(ContextView):
    def find(self, **numbers: int) -> tuple[ContextVersion, ContextVersion]:
        """Find the versions `from` and `to`; by default the last two. Raises NotFound."""
        context = self.resource()
        to = numbers.get("to", context.latest_version or 1)
        since = numbers.get("from", max(1, to - 1))
        before, after = (read_context_version(self.principal, context, number) for number in (since, to))
        return before, after

    @extend_schema(
        summary="Compare two versions",
        description="What of the content differs, field by field; the messages also as lines of a unified diff.",
        parameters=[DiffQuery],
        responses=ContextDiffSerializer,
    )
    def diff(self, request: Request, **_path: Any) -> Response:
        return Response(compare(*self.find(**DiffQuery.of(request))))


@extend_schema(tags=["contexts"], parameters=[CONTEXT_ID])
class RenderView(ContextVersionView):
    write_permission = Permission.READ
    changes_nothing = True  # mcp_project.idempotency keeps no response of it

    @extend_schema(
        summary="Fill in the messages of a version",
        description="A variable that is missing, unknown or of the wrong type is a 400 that names it.",
        request=ValuesSerializer,
        responses=RenderedSerializer,
    )
    def render(self, request: Request, **_path: Any) -> Response:
        version = self.find()
        messages = render(version, ValuesSerializer.read(request.data)["variables"])
        source = {"context": version.context.name, "version": version.number, "digest": version.digest}
        return Response({**source, "messages": messages})
