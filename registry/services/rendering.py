"""Filling in the messages of a context's version."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from rest_framework.exceptions import ErrorDetail, ValidationError

from registry.canonical import canonical, plain
from registry.models import ContextVersion
from registry.schemas import STEPS_TO_APPLY, bounded, mismatch_of
from registry.templates import filled

MAX_RENDERED = 1_048_576  # characters, of all messages
MAX_TOLD = 20  # mistakes
MAX_NAME = 65  # of an unknown variable: one character more than a known one's has at most


def render(version: ContextVersion, given: Mapping[str, Any]) -> list[dict[str, str]]:
    """The messages with the variables' values, or defaults, in their places: strings as they are, everything else as
    canonical JSON. Raises ValidationError, which names each variable that is missing, unknown or of the wrong type."""
    declared = {variable["name"]: variable for variable in version.variables}
    told = _told("There is no such variable. " + _known(declared), "unknown")
    wrong = {name[:MAX_NAME]: told for name in given if name not in declared}
    values: dict[str, str] = {}
    with bounded(STEPS_TO_APPLY):
        for name, variable in declared.items():
            try:
                values[name] = _text(variable, given)
            except DjangoValidationError as error:
                wrong[name] = _told(str(error.message), error.code)
    if wrong:
        raise ValidationError({"variables": dict(list(wrong.items())[:MAX_TOLD])})
    try:
        texts = filled([message["template"] for message in version.messages], values, MAX_RENDERED)
    except DjangoValidationError as error:
        raise ValidationError({"variables": _told(str(error.message), error.code)}) from None
    return [{"role": message["role"], "content": text} for message, text in zip(version.messages, texts, strict=True)]


def _text(variable: Mapping[str, Any], given: Mapping[str, Any]) -> str:
    """Raises Django's ValidationError."""
    name = variable["name"]
    if name not in given and "default" not in variable:
        raise DjangoValidationError("This variable has no default, and no value was sent.", "missing")
    value = given[name] if name in given else variable["default"]
    reason = mismatch_of(variable["schema"], value)
    if reason is not None:
        raise DjangoValidationError(reason, "invalid_value")
    if isinstance(value, str):
        return value
    try:
        return canonical(plain(value)).decode()
    except ValueError as error:
        raise DjangoValidationError(str(error), "invalid_value") from None


def _known(declared: Mapping[str, Any]) -> str:
    return f"Those are: {', '.join(sorted(declared))}." if declared else "This version has none."


def _told(message: str, code: str | None) -> list[ErrorDetail]:
    return [ErrorDetail(message, code or "invalid")]
