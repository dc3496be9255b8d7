"""drf-spectacular: it describes a serializer by its docstring, or else by one of a base class, which is about the code.

Its setting for docstrings to leave out names classes, so each new base class would be forgotten there.
"""

from typing import Any

from drf_spectacular.openapi import AutoSchema
from rest_framework.serializers import BaseSerializer

from mcp_project.patches import Part


def parts() -> list[Part]:
    return [
        Part(AutoSchema, "_map_basic_serializer", method="_map_serializer"),
        Part(AutoSchema, "description", method="_map_basic_serializer"),
    ]


class OwnDocstrings(AutoSchema):
    """Describes a serializer by its own docstring or not at all."""

    def _map_basic_serializer(self, serializer: BaseSerializer[Any], direction: Any) -> dict[str, Any]:
        schema: dict[str, Any] = super()._map_basic_serializer(serializer, direction)  # type: ignore[no-untyped-call]
        if not vars(type(serializer))["__doc__"]:
            schema.pop("description", None)
        return schema
