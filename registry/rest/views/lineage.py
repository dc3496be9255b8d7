"""/api/models/{model_id}/lineage"""

from typing import Any

from django.utils.decorators import method_decorator
from django.views.decorators.http import conditional_page
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from mcp_project.http.serializers import StrictQuery
from registry.queries import find_version
from registry.rest.views.resources import KNOWN, MODEL_ID, ModelView
from registry.services.lineage import graph

MAX_DEPTH = 20


class LineageQuery(StrictQuery):
    version = serializers.IntegerField(
        required=False, min_value=1, max_value=2**31 - 1, help_text="The number of the version; the latest by default."
    )
    depth = serializers.IntegerField(
        default=5, min_value=1, max_value=MAX_DEPTH, help_text="How many steps to follow in each direction."
    )


class NodeSerializer(serializers.Serializer[Any]):
    """A version of a model, or a data set."""

    id = serializers.CharField(help_text="`models:/name/3`, or the URI of a data set. A deleted version keeps its id.")
    kind = serializers.ChoiceField(["version", "deleted", "dataset"])
    model = serializers.CharField(required=False)
    version = serializers.IntegerField(required=False)
    stage = serializers.CharField(required=False)


class EdgeSerializer(serializers.Serializer[Any]):
    """`to` was made from `from`."""

    to = serializers.CharField()

    def get_fields(self) -> dict[str, Any]:
        return {"from": serializers.CharField(), **super().get_fields()}


class LineageSerializer(serializers.Serializer[Any]):
    """The lineage of a version: its ancestors and descendants."""

    nodes = NodeSerializer(many=True)
    edges = EdgeSerializer(many=True)
    cut = serializers.BooleanField(help_text="Whether there are more nodes than these.")


@extend_schema(tags=["models"], parameters=[MODEL_ID])
@method_decorator(conditional_page, "dispatch")  # an ETag of the graph, which shows versions of many models
class LineageView(ModelView):
    serializer_class = LineageSerializer

    @extend_schema(
        summary="Read what a version was made from, and what was made from it",
        description="Models that the key may not see are left out.",
        parameters=[LineageQuery, KNOWN],
        responses={200: LineageSerializer, 304: None},
    )
    def retrieve(self, request: Request, **_path: Any) -> Response:
        query = LineageQuery.of(request)
        model = self.find()
        number = query.get("version", model.latest_version)
        if number is None:
            return Response({"nodes": [], "edges": [], "cut": False})
        return Response(graph(self.principal, find_version(model, number), query["depth"]))
