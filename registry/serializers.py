"""The registry as JSON."""

from rest_framework import serializers

from mcp_project.serializers import StrictSerializer
from mcp_project.validators import printable
from registry.models import RegisteredModel, validate_model_name


class ModelSerializer(StrictSerializer, serializers.ModelSerializer[RegisteredModel]):
    # Declared, so that DRF adds no uniqueness query: the index decides, and a taken name is 409, not 400.
    name = serializers.CharField(max_length=255, validators=[printable, validate_model_name])
    owner = serializers.CharField(
        max_length=100, required=False, validators=[printable], help_text="Without it, the key's owner."
    )
    tags = serializers.DictField(child=serializers.CharField(allow_blank=True), required=False)
    metadata = serializers.DictField(required=False)

    class Meta:
        model = RegisteredModel
        fields = (
            "id", "name", "description", "owner", "framework", "task", "tags", "metadata",
            "created_at", "created_by", "updated_at",
        )  # fmt: skip
        read_only_fields = ("id", "created_at", "created_by", "updated_at")
