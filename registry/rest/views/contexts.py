"""/api/contexts"""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import mixins, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from keys.principal import principal_of
from mcp_project.audit.models import AuditEntry
from mcp_project.audit.serializers import AuditEntrySerializer
from mcp_project.http.fields import LARGE_ROWS_AT_ONCE, ShownFields
from mcp_project.http.preconditions import expected_etags, unless_known
from registry.models import Context, ContextAliasMove
from registry.queries import find_context, visible_contexts
from registry.rest.filters import ContextFilter, ordering_of
from registry.rest.serializers.contexts import ContextSerializer
from registry.rest.serializers.force import ForceQuery, wants_force
from registry.rest.views.aliases import ALIAS, AliasActions, AliasMoves, OfNamed
from registry.rest.views.models import IF_MATCH, KNOWN, MAY_MATCH
from registry.search.ordering import MODEL_ORDER
from registry.services import contexts as services

CONTEXT_ID = OpenApiParameter("context_id", str, "path", description="The context's id or name.")


class OfContext(OfNamed):
    """A view of a context, or of something of it."""

    queryset: QuerySet[Any] = Context.objects.none()  # for the OpenAPI document

    def find(self, lock: bool = False) -> Context:
        return find_context(principal_of(self.request), self.kwargs["context_id"], lock)


@extend_schema(tags=["contexts"])
@extend_schema_view(
    list=extend_schema(
        summary="List contexts, newest first",
        description="`filter` and `order_by` are as of models; `search` finds words of name, description and tags.",
    )
)
class ContextViewSet(ShownFields, mixins.ListModelMixin, GenericViewSet[Context]):
    queryset = Context.objects.none()  # for the OpenAPI document; requests get get_queryset's
    serializer_class = ContextSerializer
    filterset_class = ContextFilter
    large = ("description", "metadata")

    def get_queryset(self) -> QuerySet[Context]:
        return visible_contexts(principal_of(self.request))

    @property
    def ordering(self) -> tuple[str, ...]:
        return ordering_of(self.request, MODEL_ORDER, ("-pk",))

    @extend_schema(summary="Make a context", responses={201: ContextSerializer})
    def create(self, request: Request) -> Response:
        wanted = ContextSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        context = services.create_context(principal_of(request), **wanted.validated_data)
        headers = {"Location": f"/api/contexts/{context.pk}", "ETag": context.etag}
        return Response(ContextSerializer(context).data, status=status.HTTP_201_CREATED, headers=headers)


@extend_schema(tags=["contexts"], parameters=[CONTEXT_ID])
class OneContextViewSet(OfContext):
    filter_backends = ()
    pagination_class = None
    serializer_class = ContextSerializer

    @extend_schema(summary="Read a context", parameters=[KNOWN], responses={200: ContextSerializer, 304: None})
    def retrieve(self, request: Request, context_id: str) -> Response:  # noqa: ARG002
        context = self.find()
        return unless_known(request, context.etag, lambda: ContextSerializer(context).data)

    @extend_schema(
        summary="Change a context",
        description="Only what is sent changes. A change by somebody else since the context was read is a 412.",
        parameters=[IF_MATCH],
        request=ContextSerializer(partial=True),
    )
    def partial_update(self, request: Request, context_id: str) -> Response:
        etags = expected_etags(request)
        wanted = ContextSerializer(data=request.data, partial=True)
        wanted.is_valid(raise_exception=True)
        context = services.update_context(principal_of(request), context_id, etags, wanted.validated_data)
        return Response(ContextSerializer(context).data, headers={"ETag": context.etag})

    @extend_schema(
        summary="Delete a context",
        description="With its versions and aliases; the audit trail stays. Only an `admin` key may delete what another "
        "owner owns. While deployments need it, it is deleted with `force` only.",
        parameters=[MAY_MATCH, ForceQuery],
        responses={204: None},
    )
    def destroy(self, request: Request, context_id: str) -> Response:
        force = wants_force(request)
        services.delete_context(principal_of(request), context_id, expected_etags(request, required=False), force)
        return Response(status=status.HTTP_204_NO_CONTENT)


@extend_schema(tags=["contexts"], parameters=[CONTEXT_ID])
class ContextHistoryView(mixins.ListModelMixin, OfContext):
    queryset = AuditEntry.objects.none()
    serializer_class = AuditEntrySerializer
    rows_at_once = LARGE_ROWS_AT_ONCE

    def get_queryset(self) -> QuerySet[AuditEntry]:
        return AuditEntry.objects.filter(object_id=str(self.find().pk))

    @extend_schema(
        summary="List the changes of a context, newest first",
        description="Of the context, its versions and aliases: who, when, from what to what.",
    )
    def list(self, request: Request, context_id: str) -> Response:  # noqa: ARG002
        return super().list(request)


@extend_schema(tags=["contexts"], parameters=[CONTEXT_ID, ALIAS])
class ContextAliasViewSet(OfContext, AliasActions):
    pass


@extend_schema(tags=["contexts"], parameters=[CONTEXT_ID, ALIAS])
class ContextAliasHistoryView(OfContext, AliasMoves):
    queryset = ContextAliasMove.objects.none()
