"""What every serializer of the API does with a body."""

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
    """Refuses fields that it does not know or that only the service sets: a typo must not pass for success."""

    unknown = "Not a field that can be set."
    ignored: frozenset[str] = frozenset()  # what is shown only, and may come back from whoever sends what he has read

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
    def read(cls, request: Request) -> dict[str, Any]:
        """Raises ValidationError."""
        query = cls(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        return dict(query.validated_data)


class StrictModelSerializer(StrictSerializer, serializers.ModelSerializer[Any]):
    """Its fields are made once a process: to make them takes ten times as long as to write a resource with them.

    Fields within fields belong to the serializer that is kept: what they do must not depend on the context."""

    serializer_choice_field = ChoiceField
    serializer_field_mapping: ClassVar[dict[type[Any], type[Any]]] = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.CharField: StringField,
        models.TextField: StringField,
    }

    @classmethod
    def show(cls, instance: models.Model, **context: Any) -> dict[str, Any]:
        """The resource as JSON."""
        serializer = copy(_kept(cls, False))
        set_context(serializer, context)
        shown: dict[str, Any] = serializer.to_representation(instance)
        return shown

    @classmethod
    def read(cls, data: Any, instance: models.Model | None = None, partial: bool = False) -> dict[str, Any]:
        """What a body says: of a new resource, or, `partial`, of one that there is. Raises ValidationError."""
        serializer = copy(_kept(cls, partial))
        serializer.instance, serializer.initial_data = instance, data
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)


@cache
def _kept(serializer_class: type[StrictModelSerializer], partial: bool) -> StrictModelSerializer:
    """With what Django REST Framework makes at the first use, so that copies share it."""
    serializer = serializer_class(partial=partial)
    _ = serializer.fields, serializer.validators
    return serializer
