"""`?force=true`, with which something is deleted that others need."""

from rest_framework import serializers
from rest_framework.request import Request

from mcp_project.serializers import StrictSerializer


class ForceQuery(StrictSerializer):
    unknown = "Not a parameter here."

    force = serializers.BooleanField(default=False, help_text="Also while deployments need it: they fail.")


def wants_force(request: Request) -> bool:
    """Raises ValidationError."""
    query = ForceQuery(data=request.query_params.dict())
    query.is_valid(raise_exception=True)
    return bool(query.validated_data["force"])
