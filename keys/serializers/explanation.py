"""Whether a request would be admitted, and why not, as JSON."""

from rest_framework import serializers

from keys.serializers.keys import LimitsSerializer
from mcp_project.serializers import StrictSerializer, StringField

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class SupposedRequestSerializer(StrictSerializer):
    """The request that is asked about."""

    method = serializers.ChoiceField(METHODS, default="GET")
    path = StringField(max_length=4096, help_text="Such as `/api/models`; what follows a `?` is not looked at.")
    ip = serializers.IPAddressField(
        required=False, help_text="The address that it comes from; without it, rules on addresses are left out."
    )

    def validate_path(self, value: str) -> str:
        if not value.startswith("/"):
            raise serializers.ValidationError("A path begins with `/`.", "invalid")
        return value.partition("?")[0]


class OutcomeSerializer(serializers.Serializer[dict[str, object]]):
    status = serializers.IntegerField(allow_null=True, help_text="The status of the refusal; null when admitted.")
    code = serializers.CharField(allow_null=True)
    detail = serializers.CharField(allow_null=True)


class RuleSerializer(OutcomeSerializer):
    rule = serializers.ChoiceField(("address", "key", "limits", "route", "permission", "method", "visibility"))
    admits = serializers.BooleanField()


class ExplanationSerializer(OutcomeSerializer):
    admitted = serializers.BooleanField()
    refused_by = serializers.CharField(allow_null=True, help_text="The first rule that refuses.")
    rules = RuleSerializer(many=True, help_text="In the order in which they are asked.")
    limits = LimitsSerializer(allow_null=True)
