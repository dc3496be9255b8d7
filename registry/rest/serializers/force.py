"""`?force=true`, with which something is deleted that others need."""

from rest_framework import serializers
from rest_framework.request import Request

from mcp_project.http.serializers import StrictQuery


class ForceQuery(StrictQuery):
    force = serializers.BooleanField(
        default=False, help_text="Delete it although deployments need it; those deployments fail."
    )


def wants_force(request: Request) -> bool:
    """Raises ValidationError."""
    return bool(ForceQuery.of(request)["force"])
