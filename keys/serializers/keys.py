"""Keys as JSON."""

from datetime import datetime
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from keys.limits.quota import MAX_QUOTA
from keys.models import APIKey, Permission
from keys.models.api_key import MAX_METADATA_BYTES, STATUSES, OnOutage, validate_quota, validate_rate
from keys.patterns import validate_model_patterns, validate_networks
from mcp_project.database.validators import JSONObject
from mcp_project.http.serializers import ChoiceField, StrictModelSerializer, StrictSerializer, StringField

LONGEST_OVERLAP = 30 * 86400


class KeySerializer(StrictModelSerializer):
    """A key, without its secret."""

    models = serializers.ListField(child=StringField(), source="model_patterns", read_only=True, allow_null=True)
    rate_limit = serializers.CharField(
        source="effective_rate_limit",
        read_only=True,
        help_text="`N/period`: the key's own rate, or the service's default.",
    )
    on_outage = ChoiceField(
        OnOutage.choices,
        source="effective_on_outage",
        read_only=True,
        help_text="How requests are decided while the limiter's counters cannot be reached: the key's own mode, or the "
        "service's.",
    )
    status = serializers.SerializerMethodField()

    class Meta:
        model = APIKey
        fields = (
            "id", "prefix", "pool_id", "name", "owner", "permissions", "models", "allowed_ips", "rate_limit",
            "daily_quota", "monthly_quota", "on_outage", "enabled", "status", "metadata", "expires_at",
            "last_used_at", "revoked_at", "rotated_from", "created_at", "created_by",
        )  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(serializers.ChoiceField(STATUSES))
    def get_status(self, key: APIKey) -> str:
        return key.status


class CreatedKeySerializer(KeySerializer):
    """A new key, with its secret, which is shown only here."""

    key = serializers.CharField(read_only=True, help_text="The secret. It is not stored and cannot be shown again.")

    class Meta(KeySerializer.Meta):
        fields = ("key", *KeySerializer.Meta.fields)  # type: ignore[assignment]


@extend_schema_field({"type": "integer", "minimum": 0, "maximum": MAX_QUOTA})
class QuotaField(serializers.Field[int, int, int, Any]):
    """A field for a quota, in the form that keys.limits.quota accepts."""

    def to_internal_value(self, data: Any) -> int:
        validate_quota(data)
        return int(data)

    def to_representation(self, value: int) -> int:
        return value


class NewKeySerializer(StrictModelSerializer):
    """The fields of a key that can be set."""

    permissions = serializers.ListField(
        child=ChoiceField(Permission.choices), allow_empty=False, max_length=len(Permission)
    )
    models = serializers.ListField(
        child=StringField(),
        source="model_patterns",
        required=False,
        allow_null=True,
        validators=[validate_model_patterns],
        help_text="Names of models that the key may see, with `*` for any text; null: all.",
    )
    allowed_ips = serializers.ListField(
        child=StringField(),
        required=False,
        allow_null=True,
        validators=[validate_networks],
        help_text="Addresses or networks (CIDR) that the key may be used from; null: all.",
    )
    rate_limit = StringField(
        required=False,
        allow_null=True,
        validators=[validate_rate],
        help_text="`N/period`, such as `10/s`, `600/m` or `600/5m`; null: the service's (`DEFAULT_RATE_LIMIT`).",
    )
    daily_quota = QuotaField(required=False, allow_null=True, help_text="Requests a day, in UTC; null: no limit.")
    monthly_quota = QuotaField(required=False, allow_null=True, help_text="Requests a month, in UTC; null: no limit.")
    on_outage = ChoiceField(
        OnOutage.choices,
        required=False,
        allow_null=True,
        help_text="While the limiter's counters cannot be reached, `closed` refuses requests, `open` admits them, and "
        "`local` lets each worker admit its share of the rate; null: the service's mode (`THROTTLE_ON_OUTAGE`).",
    )
    enabled = serializers.BooleanField(required=False)
    metadata = serializers.DictField(required=False, validators=[JSONObject(MAX_METADATA_BYTES)])
    expires_at = serializers.DateTimeField(
        required=False,
        allow_null=True,
        help_text="When the key expires; null: never. By default after `KEY_DEFAULT_TTL_DAYS`.",
    )

    class Meta:
        model = APIKey
        fields = (
            "name", "owner", "permissions", "models", "allowed_ips", "rate_limit", "daily_quota", "monthly_quota",
            "on_outage", "enabled", "metadata", "expires_at",
        )  # fmt: skip

    def validate_rate_limit(self, value: str | None) -> str:
        return value or ""

    def validate_on_outage(self, value: str | None) -> str:
        return value or ""

    def validate_expires_at(self, value: datetime | None) -> datetime | None:
        if value is not None and value <= timezone.now():
            raise serializers.ValidationError("This time is past.", "in_the_past")
        return value


class RotationSerializer(StrictSerializer):
    """How a key is rotated."""

    overlap_seconds = serializers.IntegerField(
        default=0,
        min_value=0,
        max_value=LONGEST_OVERLAP,
        help_text="For how many seconds the old secret keeps working; 0 ends it now.",
    )


class OwnerSerializer(StrictSerializer):
    """The owner whose keys are revoked."""

    owner = StringField(max_length=100)


class RevokedSerializer(serializers.Serializer[dict[str, int]]):
    """How many keys were revoked."""

    revoked = serializers.IntegerField(help_text="How many keys were revoked.")


class StandingSerializer(serializers.Serializer[dict[str, int]]):
    """The state of one limit."""

    limit = serializers.IntegerField()
    remaining = serializers.IntegerField(help_text="How many requests it would admit now.")
    reset = serializers.IntegerField(help_text="Seconds until it is whole again.")


class LimitsSerializer(serializers.Serializer[dict[str, object]]):
    """The state of each limit of a key; null for a limit that the key does not have."""

    rate_limit = StandingSerializer(allow_null=True)
    daily_quota = StandingSerializer(allow_null=True)
    monthly_quota = StandingSerializer(allow_null=True)


class OwnKeySerializer(KeySerializer):
    """The key that sent the request, with the state of its limits."""

    limits = LimitsSerializer(read_only=True, allow_null=True)

    class Meta(KeySerializer.Meta):
        fields = (*KeySerializer.Meta.fields, "limits")  # type: ignore[assignment]


class QuestionSerializer(StrictSerializer):
    """A key that another service was shown, and what it is to be verified for."""

    key = StringField(max_length=1000)
    permission = ChoiceField(Permission.choices, required=False)
    model = StringField(max_length=255, required=False)
    ip = serializers.IPAddressField(required=False, help_text="The address that the key was used from.")
    consume = serializers.BooleanField(default=False, help_text="Whether to charge the key one request.")


class AnswerSerializer(serializers.Serializer[dict[str, object]]):
    """The validity of a key, or the error that a request with it would get."""

    valid = serializers.BooleanField()
    code = serializers.CharField(help_text="`VALID`, or the code of the error that the key would get.")
    key_id = serializers.UUIDField(allow_null=True)
    owner = serializers.CharField(allow_null=True)
    permissions = serializers.ListField(child=serializers.CharField())
    limits = LimitsSerializer(allow_null=True)
