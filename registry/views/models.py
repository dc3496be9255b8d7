"""/api/models"""

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from keys.principal import note_model, principal_of
from registry import services
from registry.models import RegisteredModel
from registry.queries import visible_models
from registry.serializers import ModelSerializer


@extend_schema(tags=["models"])
@extend_schema_view(
    list=extend_schema(summary="List models, newest first"),
    retrieve=extend_schema(summary="Read a model"),
    create=extend_schema(summary="Register a model"),
)
class ModelViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[RegisteredModel]):
    """Registered models."""

    queryset = RegisteredModel.objects.none()  # for the OpenAPI document; requests get get_queryset's
    serializer_class = ModelSerializer
    lookup_url_kwarg = "model_id"
    lookup_value_converter = "uuid"

    def get_queryset(self) -> QuerySet[RegisteredModel]:
        return visible_models(principal_of(self.request))

    def get_object(self) -> RegisteredModel:
        model = super().get_object()
        note_model(self.request, model.pk)
        return model

    def create(self, request: Request) -> Response:
        wanted = ModelSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        model = services.register_model(principal_of(request), **wanted.validated_data)
        note_model(request, model.pk)
        headers = {"Location": f"/api/models/{model.pk}"}
        return Response(ModelSerializer(model).data, status=status.HTTP_201_CREATED, headers=headers)
