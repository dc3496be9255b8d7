"""/api/contexts/{context_id}/versions"""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, status
from rest_framework.request import Request
from rest_framework.response import Response

from keys.models import Permission
from keys.principal import principal_of
from mcp_project.http.fields import ShownFields
from mcp_project.http.preconditions import unless_known
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
from registry.rest.views.contexts import CONTEXT_ID, OfContext
from registry.rest.views.models import KNOWN
from registry.search.ordering import CONTEXT_VERSION_ORDER
from registry.services import contexts as services
from registry.services.rendering import render


@extend_schema(tags=["contexts"], parameters=[CONTEXT_ID])
@extend_schema_view(list=extend_schema(summary="List the versions of a context, newest first, without their content"))
class ContextVersionViewSet(ShownFields, mixins.ListModelMixin, OfContext):
    queryset = ContextVersion.objects.none()  # for the OpenAPI document; requests get get_queryset's
    serializer_class = ContextVersionSerializer
    brief = BriefContextVersionSerializer
    filterset_class = ContextVersionFilter
    large = ("description", *ContextVersion.CONTENT)

    def get_queryset(self) -> QuerySet[ContextVersion]:
        versions: QuerySet[ContextVersion] = self.find().versions.all()
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
        self.find()  # whoever may not see it is told so, and not what else is wrong
        wanted = ContextVersionSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        version = services.create_version(principal_of(request), context_id, **wanted.validated_data)
        headers = {"Location": f"/api/contexts/{version.context.pk}/versions/{version.number}", "ETag": version.etag}
        return Response(ContextVersionSerializer(version).data, status=status.HTTP_201_CREATED, headers=headers)


class OfContextVersion(OfContext):
    filter_backends = ()
    pagination_class = None
    serializer_class = ContextVersionSerializer

    def version(self, number: int) -> ContextVersion:
        """Raises NotFound."""
        return read_context_version(principal_of(self.request), self.find(), number)

    def get_object(self) -> Any:
        """Also the version, where the address has its number."""
        return self.version(self.kwargs["number"]) if "number" in self.kwargs else self.find()


@extend_schema(tags=["contexts"], parameters=[CONTEXT_ID])
class OneContextVersionViewSet(OfContextVersion):
    @extend_schema(summary="Read a version", parameters=[KNOWN], responses={200: ContextVersionSerializer, 304: None})
    def retrieve(self, request: Request, number: int, context_id: str) -> Response:  # noqa: ARG002
        version = self.version(number)
        return unless_known(request, version.etag, lambda: ContextVersionSerializer(version).data)

    @extend_schema(
        summary="Compare two versions",
        description="What of the content differs, field by field; the messages also as lines of a unified diff.",
        parameters=[DiffQuery],
        responses=ContextDiffSerializer,
    )
    def diff(self, request: Request, context_id: str) -> Response:  # noqa: ARG002
        query = DiffQuery.read(request)
        context = self.find()
        to = query.get("to", context.latest_version or 1)
        before, after = (self.version(number) for number in (query.get("from", max(1, to - 1)), to))
        return Response(compare(before, after))


@extend_schema(tags=["contexts"], parameters=[CONTEXT_ID])
class RenderView(OfContextVersion):
    required_permission = Permission.READ
    changes_nothing = True  # keys.middleware: an Idempotency-Key keeps nothing of it

    @extend_schema(
        summary="Fill in the messages of a version",
        description="A variable that is missing, unknown or of the wrong type is a 400 that names it.",
        request=ValuesSerializer,
        responses=RenderedSerializer,
    )
    def render(self, request: Request, number: int, context_id: str) -> Response:  # noqa: ARG002
        version = self.version(number)
        wanted = ValuesSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        messages = render(version, wanted.validated_data["variables"])
        told = {"context": version.context.name, "version": version.number, "digest": version.digest}
        return Response({**told, "messages": messages}, status=status.HTTP_200_OK)
