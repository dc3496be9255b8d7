"""The registry as JSON."""

from rest_framework import serializers

from mcp_project.serializers import StrictModelSerializer, StringField
from mcp_project.validators import JSONObject, printable
from registry.models import MAX_METADATA_BYTES, RegisteredModel, validate_model_name, validate_tags


class ModelSerializer(StrictModelSerializer):
    # Declared, so that DRF adds no uniqueness query: the index decides, and a taken name is 409, not 400.
    name = StringField(max_length=255, validators=[printable, validate_model_name])
    owner = StringField(
        max_length=100, required=False, validators=[printable], help_text="Without it, the key's owner."
    )
    tags = serializers.DictField(
        child=StringField(allow_blank=True, trim_whitespace=False), required=False, validators=[validate_tags]
    )
    metadata = serializers.DictField(required=False, validators=[JSONObject(MAX_METADATA_BYTES)])

    class Meta:
        model = RegisteredModel
        fields = (
            "id", "name", "description", "owner", "framework", "task", "tags", "metadata",
            "created_at", "created_by", "updated_at",
        )  # fmt: skip
        read_only_fields = ("id", "created_at", "created_by", "updated_at")
