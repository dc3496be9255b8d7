"""Filling in the messages of a context's version."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError

from mcp_project.errors import FieldError, Invalid
from registry.canonical import canonical, plain
from registry.models import ContextVersion
from registry.schemas import STEPS_TO_APPLY, bounded, mismatch_of
from registry.templates import filled

MAX_RENDERED = 1_048_576  # characters, of all messages
MAX_ERRORS = 20
MAX_NAME = 65  # of an unknown variable: one character more than a known one's has at most


def render(version: ContextVersion, values: Mapping[str, Any]) -> list[dict[str, str]]:
    """The messages with the variables' values, or defaults, in their places: strings as they are, everything else as
    canonical JSON. Raises Invalid, which names each variable that is missing, unknown or of the wrong type."""
    variables = {variable["name"]: variable for variable in version.variables}
    unknown = f"There is no such variable. {_list_of(variables)}"
    errors = [
        FieldError(f"variables.{name[:MAX_NAME]}", unknown, "unknown") for name in values if name not in variables
    ]
    texts: dict[str, str] = {}
    with bounded(STEPS_TO_APPLY):
        for name, variable in variables.items():
            try:
                texts[name] = _text_of(variable, values)
            except ValidationError as error:
                errors.append(FieldError(f"variables.{name}", str(error.message), error.code or "invalid"))
    if errors:
        raise Invalid(*errors[:MAX_ERRORS])
    try:
        contents = filled([message["template"] for message in version.messages], texts, MAX_RENDERED)
    except ValidationError as error:
        raise Invalid(FieldError("variables", str(error.message), error.code or "invalid")) from None
    return [
        {"role": message["role"], "content": text} for message, text in zip(version.messages, contents, strict=True)
    ]


def _text_of(variable: Mapping[str, Any], values: Mapping[str, Any]) -> str:
    """Raises Django's ValidationError, as the validators that it calls do."""
    name = variable["name"]
    if name not in values and "default" not in variable:
        raise ValidationError("This variable has no default, and no value was sent.", "missing")
    value = values[name] if name in values else variable["default"]
    reason = mismatch_of(variable["schema"], value)
    if reason is not None:
        raise ValidationError(reason, "invalid_value")
    if isinstance(value, str):
        return value
    try:
        return canonical(plain(value)).decode()
    except ValueError as error:
        raise ValidationError(str(error), "invalid_value") from None


def _list_of(variables: Mapping[str, Any]) -> str:
    return f"Those are: {', '.join(sorted(variables))}." if variables else "This version has none."
