"""/api/models"""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from mcp_project.audit.models import AuditEntry
from mcp_project.http.fields import LARGE_ROWS_AT_ONCE, ShownFields
from mcp_project.http.preconditions import expected_etags, unless_known
from mcp_project.http.rest import PREFIX
from registry.models import RegisteredModel
from registry.queries import visible_models
from registry.rest.filters import ModelFilter, ordering_of
from registry.rest.serializers.force import ForceQuery, wants_force
from registry.rest.serializers.history import HistorySerializer
from registry.rest.serializers.models import ModelSerializer
from registry.rest.views.resources import IF_MATCH, KNOWN, MAY_MATCH, MODEL_ID, ListView, ModelView
from registry.search.ordering import MODEL_ORDER
from registry.services import models as services


@extend_schema(tags=["models"])
@extend_schema_view(
    list=extend_schema(
        summary="List models, newest first",
        description="`filter` and `order_by` are MLflow's; `search` finds words of name, description and tags.",
    )
)
class ModelListView(ShownFields, ListView):
    """Registered models."""

    queryset = RegisteredModel.objects.none()  # for the OpenAPI document; requests get get_queryset's
    serializer_class = ModelSerializer
    filterset_class = ModelFilter
    large = ("description", "metadata")

    def get_queryset(self) -> QuerySet[RegisteredModel]:
        return visible_models(self.principal)

    @property
    def ordering(self) -> tuple[str, ...]:
        return ordering_of(self.request, MODEL_ORDER, ("-pk",))

    @extend_schema(summary="Register a model", responses={201: ModelSerializer})
    def create(self, request: Request) -> Response:
        model = services.register_model(self.principal, **ModelSerializer.read(request.data))
        self.note(model=model.pk)
        headers = {"Location": f"{PREFIX}models/{model.pk}", "ETag": model.etag}
        return Response(ModelSerializer.show(model), status=status.HTTP_201_CREATED, headers=headers)


@extend_schema(tags=["models"], parameters=[MODEL_ID])
class ModelDetailView(ModelView):
    serializer_class = ModelSerializer

    @extend_schema(summary="Read a model", parameters=[KNOWN], responses={200: ModelSerializer, 304: None})
    def retrieve(self, request: Request, **_path: Any) -> Response:
        model = self.find()
        return unless_known(request, model.etag, lambda: ModelSerializer.show(model))

    @extend_schema(
        summary="Change a model",
        description="Only what is sent changes. A change by somebody else since the model was read is a 412. "
        "Its history stays with it when it is renamed.",
        parameters=[IF_MATCH],
        request=ModelSerializer(partial=True),
    )
    def partial_update(self, request: Request, model_id: str) -> Response:
        etags = expected_etags(request)
        changes = ModelSerializer.read(request.data, partial=True)
        model = services.update_model(self.principal, model_id, etags, changes)
        self.note(model=model.pk)
        return Response(ModelSerializer.show(model), headers={"ETag": model.etag})

    @extend_schema(
        summary="Delete a model",
        description="With its versions and aliases; the audit trail stays. Only an `admin` key may delete what another "
        "owner owns. While deployments need it, it is deleted with `force` only.",
        parameters=[MAY_MATCH, ForceQuery],
        responses={204: None},
    )
    def destroy(self, request: Request, model_id: str) -> Response:
        force = wants_force(request)
        deleted_id = services.delete_model(self.principal, model_id, expected_etags(request, required=False), force)
        self.note(model=deleted_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


@extend_schema(tags=["models"], parameters=[MODEL_ID])
@extend_schema_view(
    list=extend_schema(
        summary="List the changes of a model, newest first",
        description="Of the model, its versions, stages and aliases: who, when, from what to what.",
    )
)
class ModelHistoryView(ListView, ModelView):
    queryset = AuditEntry.objects.none()
    serializer_class = HistorySerializer
    rows_at_once = LARGE_ROWS_AT_ONCE

    def get_queryset(self) -> QuerySet[AuditEntry]:
        return AuditEntry.objects.filter(object_id=str(self.find().pk))
