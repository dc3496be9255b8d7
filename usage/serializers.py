"""Usage as JSON."""

from rest_framework import serializers

from usage.models import Event


class EventSerializer(serializers.ModelSerializer[Event]):
    class Meta:
        model = Event
        fields = (
            "id", "time", "request_id", "key_id", "owner", "method", "route", "status", "code",
            "duration_us", "request_bytes", "response_bytes", "client", "units", "count",
        )  # fmt: skip


class RouteUsageSerializer(serializers.Serializer[dict[str, object]]):
    route = serializers.CharField()
    method = serializers.CharField()
    requests = serializers.IntegerField()
    errors = serializers.IntegerField(  # type: ignore[assignment]  # the field, not Serializer's own `errors`
        help_text="Answers with a status of 400 or more."
    )


class UsageSerializer(serializers.Serializer[dict[str, object]]):
    requests = serializers.IntegerField()
    errors = serializers.IntegerField()  # type: ignore[assignment]
    routes = RouteUsageSerializer(many=True)
