"""`?from=1&to=3`, and what differs, as JSON."""

from typing import Any

from rest_framework import serializers

from mcp_project.http.serializers import StrictQuery

MAX_NUMBER = 2**31 - 1


class DiffQuery(StrictQuery):
    def get_fields(self) -> dict[str, Any]:
        limits: dict[str, Any] = {"required": False, "min_value": 1, "max_value": MAX_NUMBER}
        return {
            "from": serializers.IntegerField(
                help_text="The number of the earlier one; by default the one before `to`.", **limits
            ),
            "to": serializers.IntegerField(help_text="The number of the later one; by default the latest.", **limits),
        }


class DifferenceSerializer(serializers.Serializer[Any]):
    """A part that differs."""

    op = serializers.ChoiceField(["add", "remove", "replace"])
    path = serializers.CharField(
        help_text="A JSON Pointer into the content: `/targets/0/version`; of contexts also `/tools/search/description`."
    )
    before = serializers.JSONField(allow_null=True)
    after = serializers.JSONField(allow_null=True)


class DiffSerializer(serializers.Serializer[Any]):
    """The differences between two revisions."""

    to = serializers.IntegerField()
    differences = DifferenceSerializer(many=True)
    cut = serializers.BooleanField(help_text="Whether more parts differ: their paths are limited to a megabyte in all.")

    def get_fields(self) -> dict[str, Any]:
        return {"from": serializers.IntegerField(), **super().get_fields()}
