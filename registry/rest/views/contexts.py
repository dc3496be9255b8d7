"""/api/contexts"""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from mcp_project.audit.models import AuditEntry
from mcp_project.audit.serializers import AuditEntrySerializer
from mcp_project.http.fields import LARGE_ROWS_AT_ONCE, ShownFields
from mcp_project.http.preconditions import expected_etags, unless_known
from mcp_project.http.rest import PREFIX
from registry.models import Context
from registry.queries import visible_contexts
from registry.rest.filters import ContextFilter, ordering_of
from registry.rest.serializers.contexts import ContextSerializer
from registry.rest.serializers.force import ForceQuery, wants_force
from registry.rest.views.resources import CONTEXT_ID, IF_MATCH, KNOWN, MAY_MATCH, ContextView, ListView
from registry.search.ordering import MODEL_ORDER
from registry.services import contexts as services


@extend_schema(tags=["contexts"])
@extend_schema_view(
    list=extend_schema(
        summary="List contexts, newest first",
        description="`filter` and `order_by` are as of models; `search` finds words of name, description and tags.",
    )
)
class ContextListView(ShownFields, ListView):
    queryset = Context.objects.none()  # for the OpenAPI document; requests get get_queryset's
    serializer_class = ContextSerializer
    filterset_class = ContextFilter
    large = ("description", "metadata")

    def get_queryset(self) -> QuerySet[Context]:
        return visible_contexts(self.principal)

    @property
    def ordering(self) -> tuple[str, ...]:
        return ordering_of(self.request, MODEL_ORDER, ("-pk",))

    @extend_schema(summary="Make a context", responses={201: ContextSerializer})
    def create(self, request: Request) -> Response:
        context = services.create_context(self.principal, **ContextSerializer.read(request.data))
        self.note(context=context.pk)
        headers = {"Location": f"{PREFIX}contexts/{context.pk}", "ETag": context.etag}
        return Response(ContextSerializer.show(context), status=status.HTTP_201_CREATED, headers=headers)


@extend_schema(tags=["contexts"], parameters=[CONTEXT_ID])
class ContextDetailView(ContextView):
    serializer_class = ContextSerializer

    @extend_schema(summary="Read a context", parameters=[KNOWN], responses={200: ContextSerializer, 304: None})
    def retrieve(self, request: Request, **_path: Any) -> Response:
        context = self.find()
        return unless_known(request, context.etag, lambda: ContextSerializer.show(context))

    @extend_schema(
        summary="Change a context",
        description="Only what is sent changes. A change by somebody else since the context was read is a 412.",
        parameters=[IF_MATCH],
        request=ContextSerializer(partial=True),
    )
    def partial_update(self, request: Request, context_id: str) -> Response:
        etags = expected_etags(request)
        changes = ContextSerializer.read(request.data, partial=True)
        context = services.update_context(self.principal, context_id, etags, changes)
        self.note(context=context.pk)
        return Response(ContextSerializer.show(context), headers={"ETag": context.etag})

    @extend_schema(
        summary="Delete a context",
        description="With its versions and aliases; the audit trail stays. Only an `admin` key may delete what another "
        "owner owns. While deployments need it, it is deleted with `force` only.",
        parameters=[MAY_MATCH, ForceQuery],
        responses={204: None},
    )
    def destroy(self, request: Request, context_id: str) -> Response:
        force = wants_force(request)
        deleted_id = services.delete_context(self.principal, context_id, expected_etags(request, required=False), force)
        self.note(context=deleted_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


@extend_schema(tags=["contexts"], parameters=[CONTEXT_ID])
@extend_schema_view(
    list=extend_schema(
        summary="List the changes of a context, newest first",
        description="Of the context, its versions and aliases: who, when, from what to what.",
    )
)
class ContextHistoryView(ListView, ContextView):
    queryset = AuditEntry.objects.none()
    serializer_class = AuditEntrySerializer
    rows_at_once = LARGE_ROWS_AT_ONCE

    def get_queryset(self) -> QuerySet[AuditEntry]:
        return AuditEntry.objects.filter(object_id=str(self.find().pk))
