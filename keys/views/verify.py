"""/api/keys/verify"""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from keys.models import Permission
from keys.serializers.keys import AnswerSerializer, QuestionSerializer
from keys.verification import verify


@extend_schema(tags=["keys"])
class VerifyView(APIView):
    required_permission = Permission.VERIFY

    @extend_schema(
        summary="Ask whether a key is good",
        description="For other services: whether a key is good for a permission, a model and an address.",
        request=QuestionSerializer,
        responses=AnswerSerializer,
    )
    def post(self, request: Request) -> Response:
        question = QuestionSerializer.read(request.data)
        return Response(verify(**{"permission": None, "model": None, "ip": None, **question}))
