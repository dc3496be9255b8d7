"""The parameters of generation that a context's version holds."""

from typing import Any

from rest_framework import serializers

from mcp_project.database.validators import JSONObject
from mcp_project.http.serializers import ChoiceField, StrictSerializer, StringField
from registry.canonical import LARGEST
from registry.validators import validate_schema

MAX_EXTRA_BYTES = 16_384
MAX_STOPS = 16
FORMATS = ("text", "json_object", "json_schema")


class NumberField(serializers.FloatField):
    """A number, and nothing that could be read as one. An integer stays one."""

    def to_internal_value(self, data: Any) -> float:
        if isinstance(data, bool) or not isinstance(data, int | float):
            self.fail("invalid")
        return data


class WholeNumberField(serializers.IntegerField):
    def to_internal_value(self, data: Any) -> int:
        if type(data) is not int:
            self.fail("invalid")
        return data


class ResponseFormatSerializer(StrictSerializer):
    """The form of the answer, as in OpenAI's API."""

    type = ChoiceField(FORMATS)
    json_schema = serializers.DictField(
        required=False, help_text="`name`, `schema`, and what else the provider accepts."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        given = attrs.get("json_schema")
        if (attrs["type"] == "json_schema") != (given is not None):
            raise serializers.ValidationError(
                {"json_schema": ["It comes with the type json_schema, and only with it."]}
            )
        if given is not None:
            if not isinstance(given.get("name"), str) or "schema" not in given:
                raise serializers.ValidationError({"json_schema": ["It has a `name` and a `schema`."]})
            validate_schema(given["schema"])
        return attrs


class ParametersSerializer(StrictSerializer):
    """The parameters of generation."""

    unknown = "Not a parameter here; what only some providers take goes into `extra`."

    temperature = NumberField(required=False, min_value=0, max_value=2)
    top_p = NumberField(required=False, min_value=0, max_value=1)
    top_k = WholeNumberField(required=False, min_value=1, max_value=1_000_000)
    max_tokens = WholeNumberField(required=False, min_value=1, max_value=100_000_000)
    stop = serializers.ListField(
        child=StringField(max_length=256, trim_whitespace=False), required=False, min_length=1, max_length=MAX_STOPS
    )
    seed = WholeNumberField(required=False, min_value=-LARGEST, max_value=LARGEST)
    presence_penalty = NumberField(required=False, min_value=-2, max_value=2)
    frequency_penalty = NumberField(required=False, min_value=-2, max_value=2)
    response_format = ResponseFormatSerializer(required=False)
    extra = serializers.DictField(
        required=False, validators=[JSONObject(MAX_EXTRA_BYTES)], help_text="Parameters that only some providers know."
    )
