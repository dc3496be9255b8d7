"""Deployments, their targets and revisions, as JSON."""

import json
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError as DjangoValidationError
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from mcp_project.database.validators import printable
from mcp_project.http.serializers import StrictSerializer, StringField
from registry.canonical import plain
from registry.endpoints import MAX_ENDPOINT, validate_endpoint
from registry.models import Deployment, DeploymentTarget
from registry.models.deployment import MAX_ENVIRONMENT, MAX_MESSAGE
from registry.rest.serializers.differences import MAX_NUMBER
from registry.rest.serializers.named import NamedSerializer
from registry.services.deployments import FIRST
from registry.validators import validate_alias

MAX_TARGETS = 20
MAX_TIMEOUT = 3_600


class ContextReferenceSerializer(StrictSerializer):
    """The version of a context that a target pins."""

    ignored = frozenset({"context_id"})

    context = StringField(  # type: ignore[assignment]  # the field, not Field's own `context`
        max_length=255, help_text="The id or name of the context."
    )
    context_id = serializers.UUIDField(read_only=True)
    version = serializers.IntegerField(min_value=1, max_value=MAX_NUMBER)
    digest = StringField(
        required=False, max_length=71, help_text="The digest of the version. If it is sent, it must be the right one."
    )


class TargetSerializer(StrictSerializer):
    """A version of a model: `version`, or the one that `alias` names, now and whenever the alias moves."""

    ignored = frozenset({"model_id"})

    model = StringField(
        source="model_name", max_length=255, help_text="The id or name of the model; it is shown by its name."
    )
    model_id = serializers.UUIDField(read_only=True)
    version = serializers.IntegerField(source="number", required=False, min_value=1, max_value=MAX_NUMBER)
    alias = StringField(max_length=255, required=False, allow_null=True)
    digest = StringField(
        required=False,
        allow_blank=True,
        max_length=71,
        help_text="The digest of the version's artifact. If it is sent, it must be the right one.",
    )
    context_version = ContextReferenceSerializer(required=False, allow_null=True)
    weight = serializers.IntegerField(
        default=100, min_value=1, max_value=100, help_text="Its share of the requests, in percent."
    )

    def to_representation(self, instance: DeploymentTarget) -> dict[str, Any]:
        return {**super().to_representation(instance), "alias": instance.alias or None}

    def validate_alias(self, alias: str | None) -> str | None:
        if alias is not None:
            try:
                validate_alias(alias)
            except DjangoValidationError as error:
                raise serializers.ValidationError(error.messages) from None
        return alias

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "number" not in attrs and not attrs.get("alias"):
            raise serializers.ValidationError({"version": ["Either `version` or `alias` is wanted."]})
        names = {"model_name": "model", "number": "version"}
        return {names.get(name, name): value for name, value in attrs.items()}


class TargetListSerializer(serializers.ListSerializer[Any]):
    def __init__(self, **options: Any) -> None:
        super().__init__(child=TargetSerializer(), allow_empty=False, max_length=MAX_TARGETS, **options)


@extend_schema_field(TargetSerializer(many=True))
class TargetsField(serializers.Field[Any, Any, Any, Any]):
    """The list of targets. It is read as a whole, also by a PATCH: a nested serializer would be partial there, and
    would not require fields."""

    def to_internal_value(self, data: Any) -> list[dict[str, Any]]:
        serializer = TargetListSerializer(data=data)
        serializer.is_valid(raise_exception=True)
        targets: list[dict[str, Any]] = serializer.validated_data
        total = sum(target["weight"] for target in targets)
        if total != 100:
            raise serializers.ValidationError(f"The weights sum to 100; these sum to {total}.", "weights")
        return targets

    def to_representation(self, value: Any) -> Any:
        return TargetSerializer(value.all(), many=True).data


class DeploymentSerializer(NamedSerializer):
    """Versions of models and their shares of the requests, bound to an environment and an endpoint."""

    environment = StringField(
        max_length=MAX_ENVIRONMENT,
        help_text="One of the environments that the operator allows (`DEPLOYMENT_ENVIRONMENTS`).",
    )
    endpoint = StringField(max_length=MAX_ENDPOINT, validators=[validate_endpoint])
    targets = TargetsField(help_text="From 1 to 20 targets, whose weights sum to 100.")
    timeout = serializers.IntegerField(
        required=False, min_value=1, max_value=MAX_TIMEOUT, help_text="Seconds that a caller waits; 60 by default."
    )
    revision = serializers.IntegerField(read_only=True, help_text="The number of the latest revision.")
    message = StringField(
        max_length=MAX_MESSAGE,
        required=False,
        allow_blank=True,
        write_only=True,
        validators=[printable],
        help_text="Why, in words: kept with the revision, and not shown with the deployment.",
    )

    class Meta:
        model = Deployment
        fields = (
            "id", "name", "description", "owner", "environment", "endpoint", "protocol", "targets", "timeout", "status",
            "tags", "metadata", "message", "revision", "digest", "created_at", "created_by", "updated_at",
        )  # fmt: skip
        read_only_fields = ("id", "digest", "created_at", "created_by", "updated_at")

    def validate_metadata(self, metadata: dict[str, Any]) -> dict[str, Any]:
        try:
            sealed: dict[str, Any] = plain(metadata)
        except ValueError as error:
            raise serializers.ValidationError(str(error)) from None
        return sealed

    def validate_environment(self, environment: str) -> str:
        if environment not in settings.DEPLOYMENT_ENVIRONMENTS:
            known = ", ".join(settings.DEPLOYMENT_ENVIRONMENTS)
            raise serializers.ValidationError(f"One of {known}.", "invalid_choice")
        return environment

    def validate_status(self, status: str) -> str:
        if not self.partial and status not in FIRST:
            raise serializers.ValidationError(f"A new deployment is {' or '.join(FIRST)}.", "invalid_choice")
        return status


class RevisionSerializer(StrictSerializer):
    """A revision of a deployment: who changed it, when and why, and the digest of what it was."""

    revision = serializers.IntegerField(source="number")
    at = serializers.DateTimeField()
    actor = serializers.CharField()
    message = serializers.CharField()
    digest = serializers.CharField(
        help_text="The digest of the content: `sha256:` and the SHA-256 of its canonical JSON."
    )


class WholeRevisionSerializer(RevisionSerializer):
    """A revision of a deployment, with its content."""

    content = serializers.SerializerMethodField()

    def get_content(self, revision: Any) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(revision.content)
        return content


class VerificationSerializer(serializers.Serializer[Any]):
    """The comparison of the digest of a revision's content with the recorded one."""

    revision = serializers.IntegerField()
    intact = serializers.BooleanField()
    recorded = serializers.CharField(help_text="The digest that was recorded with the revision.")
    computed = serializers.CharField(help_text="The digest of the content as it is stored now.")


class RollbackSerializer(StrictSerializer):
    """The revision to go back to, and why."""

    revision = serializers.IntegerField(min_value=1, max_value=MAX_NUMBER)
    message = StringField(max_length=MAX_MESSAGE, required=False, allow_blank=True, validators=[printable])
