"""Django REST Framework: a serializer that is made once and used with the context of each request.

Making a serializer's fields takes ten times as long as writing a resource with them, and a context can only be given
to a serializer that is being made.
"""

from typing import Any

from rest_framework.fields import Field
from rest_framework.serializers import BaseSerializer

from mcp_project.patches import Part


def parts() -> list[Part]:
    return [
        Part(BaseSerializer, "_context", method="__init__"),
        Part(_Getter, "_context", method="context"),
    ]


class _Getter:
    """Field.context as a method: a property has no code of its own."""

    context = getattr(vars(Field).get("context"), "fget", None)


def set_context(serializer: BaseSerializer[Any], context: dict[str, Any]) -> None:
    serializer._context = context
