"""Contexts as JSON."""

from rest_framework import serializers

from mcp_project.serializers import StrictModelSerializer, StringField
from mcp_project.validators import JSONObject, printable
from registry.models import Context
from registry.serializers.models import TagsField
from registry.validators import MAX_METADATA_BYTES, validate_model_name


class ContextSerializer(StrictModelSerializer):
    # Declared, so that DRF adds no uniqueness query: the index decides, and a taken name is 409, not 400.
    name = StringField(max_length=255, validators=[printable, validate_model_name])
    owner = StringField(
        max_length=100, required=False, validators=[printable], help_text="Without it, the key's owner."
    )
    tags = TagsField(required=False)
    metadata = serializers.DictField(required=False, validators=[JSONObject(MAX_METADATA_BYTES)])
    models = serializers.ListField(
        child=serializers.CharField(), read_only=True, help_text="That any of its versions is meant for."
    )
    aliases = serializers.DictField(
        child=serializers.IntegerField(), read_only=True, help_text="The version that each alias names."
    )

    class Meta:
        model = Context
        fields = (
            "id", "name", "description", "owner", "tags", "metadata", "models", "latest_version", "aliases",
            "created_at", "created_by", "updated_at",
        )  # fmt: skip
        read_only_fields = ("id", "latest_version", "created_at", "created_by", "updated_at")
