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
    """A key as lists show it: never its secret, nor the hash."""

    models = serializers.ListField(child=StringField(), source="model_patterns", read_only=True, allow_null=True)
    rate_limit = serializers.CharField(
        source="effective_rate_limit", read_only=True, help_text="`N/period`: the key's own, else the service's."
    )
    on_outage = ChoiceField(
        OnOutage.choices,
        source="effective_on_outage",
        read_only=True,
        help_text="What becomes of its requests while the counters are away: the key's own, else the service's.",
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
    """The answer to a creation: the one time that the secret is shown."""

    key = serializers.CharField(read_only=True, help_text="The secret. It is not stored and cannot be shown again.")

    class Meta(KeySerializer.Meta):
        fields = ("key", *KeySerializer.Meta.fields)  # type: ignore[assignment]


@extend_schema_field({"type": "integer", "minimum": 0, "maximum": MAX_QUOTA})
class QuotaField(serializers.Field[int, int, int, Any]):
    """What keys.limits.quota takes, from JSON."""

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
        help_text="Names of models, `*` for anything. The key sees only these; null: all.",
    )
    allowed_ips = serializers.ListField(
        child=StringField(),
        required=False,
        allow_null=True,
        validators=[validate_networks],
        help_text="Addresses or networks (CIDR) that the key may be used from; null: everywhere.",
    )
    rate_limit = StringField(
        required=False,
        allow_null=True,
        validators=[validate_rate],
        help_text="`N/period`, such as `10/s`, `600/m`, `600/5m`; null: DEFAULT_RATE_LIMIT.",
    )
    daily_quota = QuotaField(required=False, allow_null=True, help_text="Requests a day, in UTC; null: no limit.")
    monthly_quota = QuotaField(required=False, allow_null=True, help_text="Requests a month, in UTC; null: no limit.")
    on_outage = ChoiceField(
        OnOutage.choices,
        required=False,
        allow_null=True,
        help_text="While the counters are away: closed refuses, open admits, local lets each worker count its share of "
        "the rate for itself; null: THROTTLE_ON_OUTAGE.",
    )
    enabled = serializers.BooleanField(required=False)
    metadata = serializers.DictField(required=False, validators=[JSONObject(MAX_METADATA_BYTES)])
    expires_at = serializers.DateTimeField(
        required=False,
        allow_null=True,
        help_text="Without it the key lives KEY_DEFAULT_TTL_DAYS; with null it does not expire.",
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
    """How long the old secret goes on working."""

    overlap_seconds = serializers.IntegerField(
        default=0,
        min_value=0,
        max_value=LONGEST_OVERLAP,
        help_text="For how long the old secret goes on working; 0 ends it now.",
    )


class OwnerSerializer(StrictSerializer):
    """The owner whose keys are revoked."""

    owner = StringField(max_length=100)


class RevokedSerializer(serializers.Serializer[dict[str, int]]):
    """How many keys were revoked."""

    revoked = serializers.IntegerField(help_text="How many keys were revoked.")


class StandingSerializer(serializers.Serializer[dict[str, int]]):
    """What is left of a limit; null where there is none, or while nobody knows."""

    limit = serializers.IntegerField()
    remaining = serializers.IntegerField(help_text="Requests that it would admit now.")
    reset = serializers.IntegerField(help_text="Seconds until it is whole again.")


class LimitsSerializer(serializers.Serializer[dict[str, object]]):
    """The state of each of a key's limits."""

    rate_limit = StandingSerializer(allow_null=True)
    daily_quota = StandingSerializer(allow_null=True)
    monthly_quota = StandingSerializer(allow_null=True)


class OwnKeySerializer(KeySerializer):
    """A key as its bearer sees it."""

    limits = LimitsSerializer(read_only=True, allow_null=True)

    class Meta(KeySerializer.Meta):
        fields = (*KeySerializer.Meta.fields, "limits")  # type: ignore[assignment]


class QuestionSerializer(StrictSerializer):
    """What another service asks about a key that it was shown."""

    key = StringField(max_length=1000)
    permission = ChoiceField(Permission.choices, required=False)
    model = StringField(max_length=255, required=False)
    ip = serializers.IPAddressField(required=False, help_text="The address that the key was used from.")
    consume = serializers.BooleanField(default=False, help_text="Whether to charge the key one request.")


class AnswerSerializer(serializers.Serializer[dict[str, object]]):
    """Whether a key is good, or which error it would get."""

    valid = serializers.BooleanField()
    code = serializers.CharField(help_text="`VALID`, or the code of the error that enforcement would give.")
    key_id = serializers.UUIDField(allow_null=True)
    owner = serializers.CharField(allow_null=True)
    permissions = serializers.ListField(child=serializers.CharField())
    limits = LimitsSerializer(allow_null=True)
