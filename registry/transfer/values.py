"""Columns as JSON, and back: strictly, since what an import takes has passed by no serializer."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeAlias
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models

from mcp_project.validators import storable

Field: TypeAlias = "models.Field[Any, Any]"
Row = dict[str, Any]  # column → value, as Django has it

TYPES: tuple[tuple[type[Field], type], ...] = (
    (models.UUIDField, str),
    (models.DateTimeField, str),
    (models.CharField, str),
    (models.TextField, str),
    (models.IntegerField, int),
    (ArrayField, list),
)
# The audit trail has what a field was and is as {name: [before, after]}: two levels more than the field may have.
FIRST_LEVEL = -1


def as_json(row: Mapping[str, Any]) -> Row:
    """Times in UTC, to the microsecond: a moment that is rounded would be another."""
    return {name: _plain(value) for name, value in row.items()}


def from_json(fields: Iterable[Field], given: Any, others: Iterable[str] = ()) -> Row:
    """The values of these fields, of which each is there, and nothing else but the `others`. Raises ValidationError."""
    if not isinstance(given, dict):
        raise ValidationError("a JSON object is wanted")
    wanted = {field.attname: field for field in fields}
    names = {*wanted, *others}
    for complaint, found in (("unknown", given.keys() - names), ("missing", names - given.keys())):
        if found:
            raise ValidationError(f"{complaint}: {', '.join(sorted(name[:100] for name in found))}")
    row = {}
    for name, field in wanted.items():
        try:
            row[name] = _value(field, given[name])
        except ValidationError as error:
            raise ValidationError(f"{name}: {' '.join(error.messages)}") from None
    return row


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else str(value) if isinstance(value, UUID) else value


def _value(field: Field, raw: Any) -> Any:
    if raw is None and field.null:
        return None
    if isinstance(field, models.ForeignKey):
        field = field.target_field
    kind = _type_of(field)
    if type(raw) is not kind:  # and not isinstance: true is no number
        raise ValidationError(f"{kind.__name__} is wanted, not {type(raw).__name__}")
    storable(raw, FIRST_LEVEL)
    value = _moment(str(raw)) if isinstance(field, models.DateTimeField) else field.to_python(raw)
    _check(field, value)
    return value


def _type_of(field: Field) -> type:
    if isinstance(field, models.JSONField):
        return dict if field.null else type(field.get_default())
    return next(kind for of, kind in TYPES if isinstance(field, of))


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise ValidationError("a time with its offset is wanted")


def _check(field: Field, value: Any) -> None:
    """By the model's own rules; those of forms and of the API (`editable`, `blank`) are not meant for stored rows."""
    if value == "":
        if isinstance(field, models.CharField) and not field.blank:
            raise ValidationError("it is empty")
        return
    if field.choices and value not in dict(field.flatchoices):
        raise ValidationError(f"one of {', '.join(dict(field.flatchoices))} is wanted")
    if isinstance(field, ArrayField) and not all(type(item) is str for item in value):
        raise ValidationError("a list of strings is wanted")
    for validator in field.validators:
        validator(value)
