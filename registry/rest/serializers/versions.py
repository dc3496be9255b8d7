"""Versions of models, their aliases and stages, as JSON."""

from typing import Any

from rest_framework import serializers

from mcp_project.database.validators import JSONObject
from mcp_project.http.serializers import StrictModelSerializer, StrictSerializer, StringField
from registry.models import ModelVersion, Parent, Stage
from registry.rest.serializers.named import TagsField
from registry.validators import (
    MAX_METADATA_BYTES,
    MAX_SOURCE,
    validate_digest,
    validate_metrics,
    validate_signature,
    validate_source,
)

MAX_PARENTS = 100


class ParentSerializer(StrictModelSerializer):
    """A version or a data set that a version was made from."""

    uri = StringField(
        max_length=MAX_SOURCE,
        validators=[validate_source],
        help_text="`models:/name/3` for a version, or the address of a data set.",
    )
    digest = StringField(max_length=71, required=False, allow_blank=True, validators=[validate_digest])

    class Meta:
        model = Parent
        fields = ("uri", "digest")

    def to_representation(self, instance: Parent) -> dict[str, str]:
        return {"uri": instance.shown_uri, "digest": instance.digest}


class VersionSerializer(StrictModelSerializer):
    """A version of a model: the address of its artifact, with its metrics, parameters and signature."""

    model = serializers.CharField(source="model.name", read_only=True)
    version = serializers.IntegerField(source="number", read_only=True)
    size = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=0,
        max_value=2**53,
        help_text="The size of the artifact in bytes; null if unknown.",
    )
    tags = TagsField(required=False)
    metrics = serializers.DictField(required=False, validators=[validate_metrics])
    params = serializers.DictField(required=False, validators=[JSONObject(MAX_METADATA_BYTES)])
    signature = serializers.DictField(required=False, validators=[validate_signature])
    parents = ParentSerializer(many=True, required=False, help_text="The versions and data sets that it was made from.")
    aliases = serializers.ListField(child=serializers.CharField(), read_only=True)

    class Meta:
        model = ModelVersion
        fields = (
            "id", "model", "version", "source", "digest", "size", "run_id", "run_link", "status", "status_message",
            "metrics", "params", "signature", "parents", "description", "tags", "stage", "aliases",
            "created_at", "created_by", "updated_at",
        )  # fmt: skip
        read_only_fields = ("id", "stage", "created_at", "created_by", "updated_at")

    def to_representation(self, instance: ModelVersion) -> dict[str, Any]:
        """Show the version without what the key, in the context's `principal`, may not see."""
        principal = self.context["principal"]
        shown: dict[str, Any] = super().to_representation(instance)
        if "source" in shown:
            shown["source"] = instance.source_for(principal)
        if "parents" in shown:
            parents = [parent for parent in instance.parents.all() if parent.visible_to(principal)]
            shown["parents"] = self.fields["parents"].to_representation(parents)
        return shown

    def validate_parents(self, parents: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if any("uri" not in parent for parent in parents):  # within a PATCH, DRF lets each field be absent
            raise serializers.ValidationError("Each parent has a `uri`.", "required")
        if len(parents) > MAX_PARENTS:
            raise serializers.ValidationError(f"At most {MAX_PARENTS} parents.")
        if len({parent["uri"] for parent in parents}) < len(parents):
            raise serializers.ValidationError("A parent is named twice.")
        return parents

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        source, run_id = (attrs.get(name, getattr(self.instance, name, "")) for name in ("source", "run_id"))
        if source.lower().startswith("runs:") and source[len("runs:/") :].partition("/")[0] != run_id:
            raise serializers.ValidationError({"source": ["The run that it names is not that of `run_id`."]})
        return attrs


class StageField(serializers.CharField):
    """MLflow's stages, in any case."""

    def to_internal_value(self, data: Any) -> Stage:
        text = super().to_internal_value(data).lower()
        for stage in Stage:
            if stage.value.lower() == text:
                return stage
        raise serializers.ValidationError(f"One of {', '.join(Stage.values)}.", "invalid_choice")


class TransitionSerializer(StrictSerializer):
    """The stage to move a version to."""

    stage = StageField()
    archive_existing = serializers.BooleanField(
        default=False, help_text="Move the versions that are in that stage now to `Archived`."
    )


class AliasSerializer(StrictSerializer):
    """The version that an alias names."""

    ignored = frozenset({"moving"})

    alias = serializers.CharField(read_only=True)
    version = serializers.IntegerField(min_value=1, max_value=2**31 - 1)
    moving = serializers.BooleanField(
        read_only=True, help_text="Whether some deployments that follow the alias do not have the version yet."
    )


class AliasMoveSerializer(serializers.Serializer[Any]):
    """A move of an alias. `before` and `after` are versions, or null for none."""

    at = serializers.DateTimeField()
    actor = serializers.CharField()
    before = serializers.IntegerField(allow_null=True)
    after = serializers.IntegerField(allow_null=True)
