"""The serializers that every resource of the API is read and shown with."""

from copy import copy
from functools import cache
from typing import Any, ClassVar

from django.db import models
from rest_framework import serializers
from rest_framework.request import Request

from mcp_project.patches.rest_framework import set_context


class StringField(serializers.CharField):
    """A string, and nothing that merely could be written as one: DRF's own takes 7 for "7"."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class ChoiceField(serializers.ChoiceField):
    """Says what may be chosen."""

    def __init__(self, choices: Any, **options: Any) -> None:
        super().__init__(choices, **options)
        self.error_messages["invalid_choice"] = f'"{{input}}" is not one of {", ".join(map(str, self.choices))}.'


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses fields that it does not know or that only the service sets: a typo must not pass for success.

    Views use `read` for a body and `show` for a resource. Both work on a copy of one serializer a process, because
    making its fields takes ten times as long as writing a resource with them: 340 of 370 µs (bench/micro.py). A nested
    serializer belongs to the one that is kept, and must not depend on the context.
    """

    unknown = "Not a field that can be set."
    ignored: frozenset[str] = frozenset()  # fields that are only shown; a client may send back what it has read

    @classmethod
    def read(cls, data: Any, instance: models.Model | None = None, partial: bool = False) -> dict[str, Any]:
        """The validated fields of a body: of a new resource, or, if `partial`, of a change to `instance`. Raises
        ValidationError."""
        serializer = copy(_kept(cls, partial))
        serializer.instance, serializer.initial_data = instance, data
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)

    @classmethod
    def show(cls, instance: Any, **context: Any) -> dict[str, Any]:
        """The resource as JSON."""
        serializer = copy(_kept(cls, False))
        set_context(serializer, context)
        shown: dict[str, Any] = serializer.to_representation(instance)
        return shown

    def to_internal_value(self, data: Any) -> Any:
        wrong = self._unknown_in(data) if isinstance(data, dict) else {}
        try:
            value = super().to_internal_value(data)
        except serializers.ValidationError as error:
            if isinstance(error.detail, dict):
                raise serializers.ValidationError({**error.detail, **wrong}) from None
            raise
        if wrong:
            raise serializers.ValidationError(wrong)
        return value

    def _unknown_in(self, data: dict[Any, Any]) -> dict[str, Any]:
        writable = {name for name, field in self.fields.items() if not field.read_only}
        unknown = [str(name) for name in data if name not in writable and name not in self.ignored]
        text = f"{self.unknown} Those are: {', '.join(sorted(writable))}." if unknown else ""
        return {name: [serializers.ErrorDetail(text, "unknown_field")] for name in unknown[:20]}


class StrictQuery(StrictSerializer):
    """The parameters of a request, as strictly."""

    unknown = "Not a parameter here."

    @classmethod
    def of(cls, request: Request) -> dict[str, Any]:
        """The values of the request's query. Raises ValidationError."""
        return cls.read(request.query_params.dict())


class StrictModelSerializer(StrictSerializer, serializers.ModelSerializer[Any]):
    """A strict serializer whose fields come from a model."""

    serializer_choice_field = ChoiceField
    serializer_field_mapping: ClassVar[dict[type[Any], type[Any]]] = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.CharField: StringField,
        models.TextField: StringField,
    }


@cache
def _kept(serializer_class: type[StrictSerializer], partial: bool) -> StrictSerializer:
    """The serializer that all requests share, with its fields and validators, which DRF makes at first use."""
    serializer = serializer_class(partial=partial)
    _ = serializer.fields, serializer.validators
    return serializer
