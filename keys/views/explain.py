"""/api/keys/{key_id}/explain"""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from keys.explanation import explain
from keys.models import APIKey, Permission
from keys.principal import Principal
from keys.serializers.explanation import ExplanationSerializer, SupposedRequestSerializer
from mcp_project.http.resources import ResourceView


@extend_schema(tags=["keys"])
class ExplainView(ResourceView):
    required_permission = Permission.ADMIN

    def find(self) -> APIKey:
        return APIKey.objects.with_id(self.kwargs["key_id"])

    @extend_schema(
        summary="Ask why a request is refused",
        description="Whether such a request with this key would be admitted now, and which rule refuses it, by the "
        "code that enforces the rules. Costs the key nothing.",
        parameters=[SupposedRequestSerializer],
        responses=ExplanationSerializer,
    )
    def get(self, request: Request, **_path: Any) -> Response:
        principal = Principal.of(self.find())
        fields = SupposedRequestSerializer.of(request)
        return Response(
            explain(principal, fields["method"], fields["path"], fields.get("ip"), fields.get("content_length"))
        )
