"""Serializers of /api/usage."""

from typing import Any

from rest_framework import serializers

from usage.models import Event


class EventSerializer(serializers.ModelSerializer[Event]):
    """An answered request. If `count` is more than 1, that many identical refusals within a second."""

    class Meta:
        model = Event
        fields = (
            "id", "time", "request_id", "key_id", "owner", "method", "route", "model_id", "status", "code",
            "duration_us", "request_bytes", "response_bytes", "client", "units", "count",
        )  # fmt: skip
        read_only_fields = fields


class FiguresSerializer(serializers.Serializer[dict[str, Any]]):
    """The figures of a group of requests."""

    requests = serializers.IntegerField()
    errors = serializers.IntegerField(  # type: ignore[assignment]  # the field, not Serializer's own `errors`
        help_text="Responses with a status of 400 or more."
    )
    refusals = serializers.IntegerField(help_text="Responses with status 401 or 429.")
    units = serializers.IntegerField(
        help_text="Units charged to keys: 1 for each request, 0 for a refusal or a free request."
    )
    request_bytes = serializers.IntegerField()
    response_bytes = serializers.IntegerField()
    p50_ms = serializers.FloatField(
        allow_null=True, help_text="The median latency in milliseconds, to within 5 %; null without requests."
    )
    p95_ms = serializers.FloatField(allow_null=True)
    p99_ms = serializers.FloatField(allow_null=True)


class GroupSerializer(FiguresSerializer):
    """The figures of one group, and the values that it is grouped by."""

    key = serializers.UUIDField(required=False, allow_null=True)
    key_name = serializers.CharField(required=False, allow_null=True)
    owner = serializers.CharField(required=False)
    model = serializers.UUIDField(required=False, allow_null=True)
    model_name = serializers.CharField(required=False, allow_null=True)
    route = serializers.CharField(required=False)
    method = serializers.CharField(required=False)
    status = serializers.IntegerField(required=False)
    code = serializers.CharField(required=False, allow_blank=True)
    day = serializers.DateField(required=False)
    hour = serializers.DateTimeField(required=False)


class PeriodSerializer(serializers.Serializer[dict[str, Any]]):
    """A period in whole hours: the requested times are widened to them. `to` is not included."""

    to = serializers.DateTimeField()
    time_zone = serializers.CharField()

    def get_fields(self) -> dict[str, Any]:
        return {"from": serializers.DateTimeField(), **super().get_fields()}


class ReportSerializer(PeriodSerializer):
    """The usage of a period in whole hours: the requested times are widened to them. `to` is not included."""

    group_by = serializers.ListField(child=serializers.CharField())
    total = FiguresSerializer()
    groups = GroupSerializer(many=True)


class PointSerializer(FiguresSerializer):
    """The figures of one hour or day."""

    time = serializers.DateTimeField()


class TimeSeriesSerializer(PeriodSerializer):
    """The usage of each hour or day of a period."""

    step = serializers.CharField()
    points = PointSerializer(many=True)
