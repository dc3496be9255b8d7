"""Columns as JSON, and back: strictly, since what an import takes has passed by no serializer."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TypeAlias
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models

from mcp_project.database.validators import storable

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
    """Convert the JSON of these fields to a row of values that PostgreSQL can store and search for. Every field must be
    there, and nothing else but the `others`. Raises ValidationError."""
    if not isinstance(given, dict):
        raise ValidationError("a JSON object is wanted")
    columns = {field.attname: field for field in fields}
    names = {*columns, *others}
    for complaint, found in (("unknown", given.keys() - names), ("missing", names - given.keys())):
        if found:
            raise ValidationError(f"{complaint}: {', '.join(sorted(name[:100] for name in found))}")
    row = {}
    for name, field in columns.items():
        with _naming(field):
            row[name] = _value(field, given[name])
    return row


def default_as_json(field: Field) -> Any:
    """The default of a column, for rows of an export that was written before the column existed. Raises ValidationError
    for a column without one. A default that names the row or the moment is made anew each time, and counts as none."""
    if field.null:
        return None
    if not field.has_default() or field.primary_key or isinstance(field, models.DateTimeField):
        raise ValidationError("it has no default")
    return field.get_default()


def check(fields: Iterable[Field], row: Row) -> None:
    """Check a row by the rules of the models, except those of forms (`editable`, `blank`). Raises ValidationError."""
    for field in fields:
        with _naming(field):
            _check(field, row[field.attname])


@contextmanager
def _naming(field: Field) -> Iterator[None]:
    try:
        yield
    except ValidationError as error:
        raise ValidationError(f"{field.attname}: {' '.join(error.messages)}") from None


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else str(value) if isinstance(value, UUID) else value


def _value(field: Field, raw: Any) -> Any:
    if raw is None and field.null:
        return None
    if isinstance(field, models.ForeignKey):
        field = field.target_field
    expected, actual = _type_of(field), type(raw)
    if actual is not expected:  # isinstance would accept true as a number
        raise ValidationError(f"{expected.__name__} is wanted, not {actual.__name__}")
    storable(raw, FIRST_LEVEL)
    if isinstance(field, ArrayField) and not all(type(item) is str for item in raw):
        raise ValidationError("a list of strings is wanted")
    return _moment(str(raw)) if isinstance(field, models.DateTimeField) else field.to_python(raw)


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
    if value is None or (value == "" and (field.blank or isinstance(field, models.TextField))):
        return
    if value == "":
        raise ValidationError("it is empty")
    if field.choices and value not in dict(field.flatchoices):
        raise ValidationError(f"one of {', '.join(dict(field.flatchoices))} is wanted")
    for validator in field.validators:
        validator(value)
