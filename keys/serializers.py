"""Keys as JSON."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from keys.models import APIKey, Permission
from mcp_project.serializers import StrictModelSerializer, StringField

STATUSES = ["active", "expired", "revoked"]


class KeySerializer(StrictModelSerializer):
    """A key as lists show it: never its secret, nor the hash."""

    permissions = serializers.ListField(
        child=serializers.ChoiceField(Permission.choices), allow_empty=False, max_length=len(Permission)
    )
    rate_limit = serializers.CharField(
        source="effective_rate_limit",
        read_only=True,
        help_text="`N/period`: the key's own, else the service's.",
    )
    status = serializers.SerializerMethodField()

    class Meta:
        model = APIKey
        fields = (
            "id", "prefix", "name", "owner", "permissions", "rate_limit", "status",
            "expires_at", "revoked_at", "created_at", "created_by",
        )  # fmt: skip
        read_only_fields = ("id", "prefix", "revoked_at", "created_at", "created_by")

    @extend_schema_field(serializers.ChoiceField(STATUSES))
    def get_status(self, key: APIKey) -> str:
        return key.status


class NewKeySerializer(KeySerializer):
    """What is asked for to create a key."""

    rate_limit = StringField(required=False, help_text="`N/period`, such as `10/s`, `600/m`, `600/5m`.")
    expires_at = serializers.DateTimeField(
        required=False,
        allow_null=True,
        help_text="Without it the key lives KEY_DEFAULT_TTL_DAYS; with null it does not expire.",
    )

    def validate_expires_at(self, value: Any) -> Any:
        if value is not None and value <= timezone.now():
            raise serializers.ValidationError("This time is past.", "in_the_past")
        return value

    def validate_permissions(self, value: list[str]) -> list[str]:
        return sorted(set(value))


class CreatedKeySerializer(KeySerializer):
    """The answer to a creation: the one time that the secret is shown."""

    key = serializers.CharField(read_only=True, help_text="The secret. It is not stored and cannot be shown again.")

    class Meta(KeySerializer.Meta):
        fields = ("key", *KeySerializer.Meta.fields)  # type: ignore[assignment]
