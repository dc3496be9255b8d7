"""/api/keys/{key_id}/explain"""

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from keys.explanation import explain
from keys.models import APIKey, Permission
from keys.principal import Principal
from keys.serializers.explanation import ExplanationSerializer, SupposedRequestSerializer


@extend_schema(tags=["keys"])
class ExplainView(APIView):
    required_permission = Permission.ADMIN

    @extend_schema(
        summary="Ask why a request is refused",
        description="Whether such a request with this key would be admitted now, and which rule refuses it, by the "
        "code that enforces the rules. Costs the key nothing.",
        parameters=[SupposedRequestSerializer],
        responses=ExplanationSerializer,
    )
    def get(self, request: Request, key_id: UUID) -> Response:
        supposed = SupposedRequestSerializer(data=request.query_params)
        supposed.is_valid(raise_exception=True)
        principal = Principal.of(APIKey.objects.with_id(key_id))
        wanted = supposed.validated_data
        return Response(explain(principal, wanted["method"], wanted["path"], wanted.get("ip")))
