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

    def get_object(self) -> APIKey:
        """The key that the path names. Raises NotFound."""
        return APIKey.objects.with_id(self.kwargs["key_id"])

    @extend_schema(
        summary="Ask why a request is refused",
        description="Whether such a request with this key would be admitted now, and which rule refuses it, by the "
        "code that enforces the rules. Costs the key nothing.",
        parameters=[SupposedRequestSerializer],
        responses=ExplanationSerializer,
    )
    def get(self, request: Request, key_id: UUID) -> Response:  # noqa: ARG002
        principal = Principal.of(self.get_object())
        supposed = SupposedRequestSerializer(data=request.query_params)
        supposed.is_valid(raise_exception=True)
        fields = supposed.validated_data
        return Response(
            explain(principal, fields["method"], fields["path"], fields.get("ip"), fields.get("content_length"))
        )
