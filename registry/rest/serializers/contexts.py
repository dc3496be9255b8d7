"""Contexts as JSON."""

from rest_framework import serializers

from registry.models import Context
from registry.rest.serializers.named import NamedSerializer


class ContextSerializer(NamedSerializer):
    """A context, which has what models need at call time besides their weights. Its content is in its versions."""

    models = serializers.ListField(
        child=serializers.CharField(),
        read_only=True,
        help_text="Names of the models that any of its versions is meant for.",
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
