"""/api/keys, for those who manage keys."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import mixins, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from keys import revocation, services
from keys.filters import KeyFilter
from keys.models import APIKey, Permission
from keys.principal import principal_of
from keys.serializers.keys import (
    CreatedKeySerializer,
    KeySerializer,
    NewKeySerializer,
    OwnerSerializer,
    RevokedSerializer,
    RotationSerializer,
)
from mcp_project.http.preconditions import expected_etags
from mcp_project.http.resources import ResourceView
from mcp_project.http.rest import PREFIX

IF_MATCH = OpenApiParameter(
    "If-Match", str, "header", required=True, description="The `ETag` of what was read, or `*`."
)


@extend_schema(tags=["keys"])
@extend_schema_view(
    list=extend_schema(summary="List keys, newest first"),
    retrieve=extend_schema(summary="Read a key"),
)
class KeyViewSet(mixins.ListModelMixin, GenericViewSet[APIKey], ResourceView):
    """Keys, for keys with the permission `admin`."""

    required_permission = Permission.ADMIN
    serializer_class = KeySerializer
    filterset_class = KeyFilter
    lookup_url_kwarg = "key_id"
    lookup_value_converter = "uuid"

    def get_queryset(self) -> QuerySet[APIKey]:
        return APIKey.objects.all()

    def find(self) -> APIKey:
        return APIKey.objects.with_id(self.kwargs["key_id"])

    def retrieve(self, _request: Request, **_path: Any) -> Response:
        return shown(self.find())

    @extend_schema(summary="Create a key", request=NewKeySerializer, responses={201: CreatedKeySerializer})
    def create(self, request: Request) -> Response:
        fields = NewKeySerializer.read(request.data)
        return secret_shown(*services.create_key(principal_of(request).actor, **fields))

    @extend_schema(
        summary="Change a key",
        description="Only what is sent changes. A change by somebody else since the key was read is a 412.",
        parameters=[IF_MATCH],
        request=NewKeySerializer(partial=True),
        responses=KeySerializer,
    )
    def partial_update(self, request: Request, key_id: UUID) -> Response:
        etags = expected_etags(request)
        changes = NewKeySerializer.read(request.data, partial=True)
        return shown(services.update_key(principal_of(request).actor, key_id, etags, changes))

    @extend_schema(summary="Revoke a key", description="Final. The key stays on record.", responses={204: None})
    def destroy(self, request: Request, key_id: UUID) -> Response:
        revocation.revoke_key(principal_of(request).actor, key_id)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(
        summary="Rotate a key",
        description=(
            "Makes a successor: a new secret with the same rights, spending from the same limits. "
            "The old secret works until the overlap ends."
        ),
        request=RotationSerializer,
        responses={201: CreatedKeySerializer},
    )
    @action(detail=True, methods=["post"])
    def rotate(self, request: Request, key_id: UUID) -> Response:
        return rotated(request, key_id)

    @extend_schema(
        summary="Revoke all keys of an owner",
        description="In one transaction: all or none. Final.",
        request=OwnerSerializer,
        responses=RevokedSerializer,
        filters=False,
    )
    @action(detail=False, methods=["post"], url_path="revoke")
    def revoke_all(self, request: Request) -> Response:
        owner = OwnerSerializer.read(request.data)
        return Response({"revoked": revocation.revoke_keys_of(principal_of(request).actor, **owner)})


def rotated(request: Request, key_id: UUID) -> Response:
    rotation = RotationSerializer.read(request.data)
    return secret_shown(*services.rotate_key(principal_of(request).actor, key_id, **rotation))


def shown(row: APIKey) -> Response:
    return Response(KeySerializer.show(row), headers={"ETag": row.etag})


def secret_shown(row: APIKey, key: str) -> Response:
    """The one answer that holds the secret."""
    answer: dict[str, Any] = {"key": key, **KeySerializer.show(row)}
    headers = {"Location": f"{PREFIX}keys/{row.pk}", "ETag": row.etag, "Cache-Control": "no-store"}
    return Response(answer, status=status.HTTP_201_CREATED, headers=headers)
