"""Models as JSON."""

from rest_framework import serializers

from registry.models import RegisteredModel
from registry.rest.serializers.named import NamedSerializer


class ModelSerializer(NamedSerializer):
    """A registered model."""

    aliases = serializers.DictField(
        child=serializers.IntegerField(), read_only=True, help_text="The version that each alias names."
    )

    class Meta:
        model = RegisteredModel
        fields = (
            "id", "name", "description", "owner", "framework", "task", "license", "tags", "metadata",
            "latest_version", "aliases", "created_at", "created_by", "updated_at",
        )  # fmt: skip
        read_only_fields = ("id", "latest_version", "created_at", "created_by", "updated_at")
