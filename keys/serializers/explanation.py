"""The JSON of an explanation: the outcome for a request, and for each rule."""

from urllib.parse import unquote

from rest_framework import serializers

from keys.admission import NAMES
from keys.serializers.keys import LimitsSerializer
from mcp_project.http.serializers import StrictQuery, StringField

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class SupposedRequestSerializer(StrictQuery):
    """The request to explain."""

    method = StringField(default="GET", help_text=f"The method of the request: one of {', '.join(METHODS)}.")
    path = StringField(
        max_length=4096, help_text="The path of the request, such as `/api/models`. Its query is not considered."
    )
    ip = serializers.IPAddressField(
        required=False,
        help_text="The client's address. Without it, no rule on addresses is considered, nor the key's `allowed_ips`.",
    )

    content_length = serializers.IntegerField(
        required=False, min_value=0, help_text="The length of its body in bytes; without it, that rule is left out."
    )

    def validate_method(self, value: str) -> str:
        if value.upper() not in METHODS:
            raise serializers.ValidationError(f"One of {', '.join(METHODS)} is wanted.", "invalid_choice")
        return value.upper()

    def validate_path(self, value: str) -> str:
        if not value.startswith("/"):
            raise serializers.ValidationError("A path begins with `/`.", "invalid")
        return unquote(value.partition("?")[0])


class OutcomeSerializer(serializers.Serializer[dict[str, object]]):
    status = serializers.IntegerField(allow_null=True, help_text="The status of the refusal; null when admitted.")
    code = serializers.CharField(allow_null=True)
    detail = serializers.CharField(allow_null=True)
    retry_after = serializers.IntegerField(
        allow_null=True, help_text="Seconds to wait; null where waiting does not help."
    )


class RuleSerializer(OutcomeSerializer):
    """The outcome of one rule."""

    rule = serializers.ChoiceField(NAMES)
    admits = serializers.BooleanField()


class ExplanationSerializer(OutcomeSerializer):
    """The outcome for a request, with that of each rule."""

    admitted = serializers.BooleanField()
    refused_by = serializers.CharField(allow_null=True, help_text="The first rule that refuses; null when admitted.")
    rules = RuleSerializer(many=True, help_text="What each rule says, in the order in which they apply.")
    limits = LimitsSerializer(allow_null=True)
