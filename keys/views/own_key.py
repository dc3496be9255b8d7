"""/api/keys/me: what a key may know of itself and do with itself."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from keys.models import APIKey
from keys.permissions import AnyKey
from keys.principal import principal_of
from keys.serializers.keys import CreatedKeySerializer, KeySerializer, OwnKeySerializer, RotationSerializer
from keys.verification import current_standings
from keys.views.keys import rotated


@extend_schema(tags=["own key"])
class OwnKeyView(APIView):
    permission_classes = (AnyKey,)

    @extend_schema(
        summary="Read the key that asks",
        description="Its rights, and what is left of its limits. Costs nothing of them.",
        responses=OwnKeySerializer,
    )
    def get(self, request: Request) -> Response:
        principal = principal_of(request)
        row = APIKey.objects.get(pk=principal.key_id)
        return Response(
            {**KeySerializer.show(row), "limits": current_standings(principal.limits)}, headers={"ETag": row.etag}
        )


@extend_schema(tags=["own key"])
class OwnKeyRotationView(APIView):
    permission_classes = (AnyKey,)

    @extend_schema(
        summary="Rotate the key that asks",
        description="As `POST /api/keys/{key_id}/rotate`.",
        request=RotationSerializer,
        responses={201: CreatedKeySerializer},
    )
    def post(self, request: Request) -> Response:
        return rotated(request, principal_of(request).key_id)
