"""Versions of contexts as JSON."""

import re
from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from rest_framework import serializers
from rest_framework.fields import empty

from mcp_project.database.validators import JSONObject
from mcp_project.http.serializers import ChoiceField, StrictModelSerializer, StrictSerializer, StringField
from registry.canonical import canonical, plain
from registry.models import ContextVersion
from registry.rest.serializers.differences import DiffSerializer
from registry.rest.serializers.named import TagsField
from registry.rest.serializers.parameters import ParametersSerializer
from registry.schemas import STEPS_TO_CHECK, bounded, check_applicable, mismatch_of
from registry.templates import names_in, validate_template, validate_variable_name
from registry.validators import MAX_SOURCE, validate_digest, validate_schema, validate_source

MAX_VERSION_BYTES = 262_144
MAX_SCHEMA_BYTES = 65_536
MAX_TEXT = 4_096
ROLES = ("system", "user", "assistant", "tool", "developer")
MIME_TYPE = r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}"
TOOL_NAME = r"[a-zA-Z0-9_-]{1,64}"


def validate_any_schema(schema: Any) -> None:
    JSONObject(MAX_SCHEMA_BYTES)(schema)
    validate_schema(schema)


def validate_applied_schema(schema: Any) -> None:
    """A field for the JSON Schema of a variable, against which the service itself validates values."""
    validate_any_schema(schema)
    check_applicable(schema)


def validate_mime_type(text: str) -> None:
    if not re.fullmatch(rf"{MIME_TYPE}/{MIME_TYPE}", text):
        raise DjangoValidationError("A MIME type reads type/subtype.", "invalid_mime_type")


def validate_tool_name(name: str) -> None:
    if not re.fullmatch(TOOL_NAME, name):
        raise DjangoValidationError("A tool's name has from 1 to 64 of a-z, A-Z, 0-9, `_` and `-`.", "invalid_name")


class MessageSerializer(StrictSerializer):
    """A message, with variables to fill in."""

    role = ChoiceField(ROLES)
    template = StringField(
        max_length=MAX_VERSION_BYTES, allow_blank=True, trim_whitespace=False, validators=[validate_template],
        help_text="The text. `{{name}}` stands for a variable, `{{{{` for two braces.",
    )  # fmt: skip


class VariableSerializer(StrictSerializer):
    """A variable of the templates, and the schema that its values must match."""

    name = StringField(max_length=64, validators=[validate_variable_name])
    schema = serializers.DictField(
        validators=[validate_applied_schema],
        help_text="The JSON Schema of its values: a subset of draft 2020-12. See `docs/contexts.md`.",
    )
    default = serializers.JSONField(required=False, allow_null=True)  # not Field's own
    description = StringField(max_length=MAX_TEXT, required=False, allow_blank=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        reason = mismatch_of(attrs["schema"], attrs["default"]) if "default" in attrs else None
        if reason is not None:
            raise serializers.ValidationError({"default": [reason]})
        return attrs


class ToolSerializer(StrictSerializer):
    """A tool that the model may call."""

    name = StringField(max_length=64, validators=[validate_tool_name])
    description = StringField(max_length=MAX_TEXT, required=False, allow_blank=True)
    parameters = serializers.DictField(
        required=False, validators=[validate_any_schema], help_text="The JSON Schema of the tool's parameters."
    )


class ResourceSerializer(StrictSerializer):
    """A resource that the model needs, by its URI."""

    uri = StringField(max_length=MAX_SOURCE, validators=[validate_source])
    mime_type = StringField(max_length=255, required=False, validators=[validate_mime_type])
    digest = StringField(max_length=71, required=False, validators=[validate_digest])


class BriefContextVersionSerializer(StrictModelSerializer):
    """A version of a context, without its content."""

    context = serializers.CharField(source="context.name", read_only=True)  # type: ignore[assignment]  # not Field's own
    version = serializers.IntegerField(source="number", read_only=True)
    description = StringField(max_length=65_536, required=False, allow_blank=True)
    tags = TagsField(required=False)
    aliases = serializers.ListField(child=serializers.CharField(), read_only=True)

    class Meta:
        model = ContextVersion
        fields: tuple[str, ...] = (
            "id", "context", "version", "digest", "description", "tags", "aliases", "created_at", "created_by",
        )  # fmt: skip
        read_only_fields = ("id", "digest", "created_at", "created_by")


class ContextVersionSerializer(BriefContextVersionSerializer):
    """A version of a context with its content, which has at most 256 KiB."""

    messages: Any = serializers.ListSerializer(child=MessageSerializer(), min_length=1, max_length=200)
    variables: Any = serializers.ListSerializer(child=VariableSerializer(), required=False, max_length=100)
    parameters = ParametersSerializer(required=False)
    tools: Any = serializers.ListSerializer(child=ToolSerializer(), required=False, max_length=128)
    resources: Any = serializers.ListSerializer(child=ResourceSerializer(), required=False, max_length=100)
    output_schema = serializers.DictField(
        required=False,
        allow_null=True,
        validators=[validate_any_schema],
        help_text="The JSON Schema of the answer; null for none.",
    )
    models = serializers.ListField(
        child=StringField(max_length=255),
        required=False,
        max_length=20,
        help_text="Names of the models that the version is meant for.",
    )

    class Meta(BriefContextVersionSerializer.Meta):
        fields = (*BriefContextVersionSerializer.Meta.fields, *ContextVersion.CONTENT)

    def run_validation(self, data: Any = empty) -> Any:
        with bounded(STEPS_TO_CHECK):  # of all its schemas together
            return super().run_validation(data)

    def to_representation(self, instance: ContextVersion) -> dict[str, Any]:
        """Show the stored content unchanged, since the digest covers exactly that."""
        content = {name: getattr(instance, name) for name in ContextVersion.CONTENT if name in self.fields}
        return {**super().to_representation(instance), **content}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        for name, default in (("variables", []), ("parameters", {}), ("tools", []), ("resources", []), ("models", [])):
            attrs.setdefault(name, default)
        attrs.setdefault("output_schema", None)
        _once("variables", [variable["name"] for variable in attrs["variables"]])
        _once("tools", [tool["name"] for tool in attrs["tools"]])
        _once("resources", [resource["uri"] for resource in attrs["resources"]])
        _once("models", attrs["models"])
        _check_names(attrs)
        _make_plain(attrs)
        return attrs


def _once(field: str, names: list[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise serializers.ValidationError({field: [f"{name[:100]!r} is there twice."]})
        seen.add(name)


def _check_names(attrs: dict[str, Any]) -> None:
    declared = {variable["name"] for variable in attrs["variables"]}
    for number, message in enumerate(attrs["messages"], start=1):
        for name in sorted(names_in(message["template"]) - declared):
            raise serializers.ValidationError(
                {"messages": [f"Message {number} uses {name!r}, which `variables` does not declare."]}
            )


def _make_plain(attrs: dict[str, Any]) -> None:
    size = 0
    for name in ContextVersion.CONTENT:
        try:
            attrs[name] = plain(attrs[name])
            size += len(canonical(attrs[name]))
        except ValueError as error:
            raise serializers.ValidationError({name: [str(error)]}) from None
    if size > MAX_VERSION_BYTES:
        raise serializers.ValidationError(f"A version has at most {MAX_VERSION_BYTES} bytes; this has {size}.")


class ValuesSerializer(StrictSerializer):
    """The values of the variables."""

    variables = serializers.DictField(
        required=False, default=dict, validators=[JSONObject(MAX_VERSION_BYTES)], help_text="The values: name → value."
    )


class RenderedMessageSerializer(serializers.Serializer[Any]):
    """A message with its variables filled in."""

    role = serializers.ChoiceField(ROLES)
    content = serializers.CharField()


class RenderedSerializer(serializers.Serializer[Any]):
    """The messages of a version, with their variables filled in."""

    context = serializers.CharField()  # type: ignore[assignment]  # not Field's own
    version = serializers.IntegerField()
    digest = serializers.CharField()
    messages = RenderedMessageSerializer(many=True)


class ContextDiffSerializer(DiffSerializer):
    """The differences between two versions of a context."""

    same = serializers.BooleanField(help_text="Whether the digests are equal.")
    messages = serializers.ListField(
        child=serializers.CharField(), help_text="The messages, as lines of a unified diff."
    )
