"""/api/keys"""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from keys import services
from keys.models import APIKey, Permission
from keys.principal import principal_of
from keys.serializers import CreatedKeySerializer, KeySerializer, NewKeySerializer


@extend_schema(tags=["keys"])
@extend_schema_view(
    list=extend_schema(summary="List keys, newest first"),
    retrieve=extend_schema(summary="Read a key"),
    create=extend_schema(summary="Create a key", request=NewKeySerializer, responses={201: CreatedKeySerializer}),
    destroy=extend_schema(summary="Revoke a key", description="Final. The key stays on record."),
)
class KeyViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, mixins.DestroyModelMixin, GenericViewSet[APIKey]):
    """Keys, for keys with the permission `admin`."""

    required_permission = Permission.ADMIN
    serializer_class = KeySerializer
    lookup_url_kwarg = "key_id"
    lookup_value_converter = "uuid"

    def get_queryset(self) -> QuerySet[APIKey]:
        return APIKey.objects.all()

    def create(self, request: Request) -> Response:
        wanted = NewKeySerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        row, key = services.create_key(principal_of(request).actor, **wanted.validated_data)
        answer: dict[str, Any] = {"key": key, **KeySerializer(row).data}
        headers = {"Location": f"/api/keys/{row.pk}", "Cache-Control": "no-store"}
        return Response(answer, status=status.HTTP_201_CREATED, headers=headers)

    def perform_destroy(self, instance: APIKey) -> None:
        instance.revoke()
