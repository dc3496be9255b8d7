from django.contrib.postgres.indexes import GinIndex
from django.db import models

from keys.principal import Principal
from mcp_project.database.validators import JSONObject, printable
from registry.models.base import Resource
from registry.models.registered_model import RegisteredModel
from registry.uris import may_see_uri
from registry.validators import (
    MAX_METADATA_BYTES,
    MAX_SOURCE,
    validate_digest,
    validate_link,
    validate_metrics,
    validate_signature,
    validate_source,
)


class Status(models.TextChoices):
    PENDING = "pending"
    READY = "ready"
    FAILED = "failed"


class Stage(models.TextChoices):
    """MLflow's."""

    NONE = "None"
    STAGING = "Staging"
    PRODUCTION = "Production"
    ARCHIVED = "Archived"


class ModelVersion(Resource):
    """One version of a registered model. What defines it (DEFINITION) is fixed once it is ready."""

    DEFINITION = ("source", "digest", "size", "run_id", "run_link", "metrics", "params", "signature")

    # registry/sql/cascades.sql makes the constraints, here and below: Django would load the rows to delete them.
    model = models.ForeignKey(
        RegisteredModel, on_delete=models.DO_NOTHING, related_name="versions", db_constraint=False
    )
    number = models.PositiveIntegerField(editable=False)
    source = models.CharField(max_length=MAX_SOURCE, validators=[validate_source])
    digest = models.CharField(max_length=71, blank=True, default="", validators=[validate_digest])
    size = models.BigIntegerField(null=True, blank=True)  # of the artifact, in bytes
    run_id = models.CharField(max_length=250, blank=True, default="", validators=[printable])
    run_link = models.CharField(max_length=MAX_SOURCE, blank=True, default="", validators=[validate_link])
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.READY)
    status_message = models.CharField(max_length=1_000, blank=True, default="", validators=[printable])
    metrics = models.JSONField(blank=True, default=dict, validators=[validate_metrics])
    params = models.JSONField(blank=True, default=dict, validators=[JSONObject(MAX_METADATA_BYTES)])
    signature = models.JSONField(blank=True, default=dict, validators=[validate_signature])
    stage = models.CharField(max_length=10, choices=Stage.choices, default=Stage.NONE, editable=False)

    class Meta:
        ordering = ("-number",)
        constraints = (models.UniqueConstraint(fields=["model", "number"], name="registry_version_number"),)
        indexes = (
            GinIndex(fields=["tags"], name="registry_version_tags", opclasses=["jsonb_path_ops"]),
            models.Index(fields=["updated_at", "model"], name="registry_version_updated"),
            models.Index(fields=["run_id"], name="registry_version_run"),
        )

    def __str__(self) -> str:
        return f"{self.model} {self.number}"

    @property
    def etag(self) -> str:
        """The model is part of it, because its aliases are shown with the version."""
        return f'"{self.pk.hex[-8:]}-{self.edition}-{self.model.edition}"'

    def source_for(self, principal: Principal) -> str:
        """Empty where it is a version of a model that the principal may not see."""
        return self.source if may_see_uri(principal, self.source) else ""

    @property
    def aliases(self) -> list[str]:
        return self.model.aliases_of(self.number)


class ParentQuerySet(models.QuerySet["Parent"]):
    def with_names(self) -> "ParentQuerySet":
        """The edges, with the columns of both versions that are shown. A version may have 300 KB, and 100 parents."""
        ends = ("parent", "version")
        shown = (f"{end}__{name}" for end in ends for name in ("number", "stage", "model__name"))
        return self.select_related("parent__model", "version__model").only("uri", "digest", *shown)


class Parent(models.Model):
    """An edge of the lineage: what a version was made from. Another version, or a data set."""

    version = models.ForeignKey(ModelVersion, on_delete=models.DO_NOTHING, related_name="parents", db_constraint=False)
    parent = models.ForeignKey(  # the database sets it to NULL
        ModelVersion, on_delete=models.DO_NOTHING, null=True, related_name="children", db_constraint=False
    )
    # What a client wrote; stays when the parent is deleted: models:/name/3, or the data set's URI.
    uri = models.CharField(max_length=MAX_SOURCE)
    digest = models.CharField(max_length=71, blank=True, default="")

    objects = ParentQuerySet.as_manager()

    class Meta:
        ordering = ("pk",)
        constraints = (models.UniqueConstraint(fields=["version", "uri"], name="registry_parent_once"),)

    def __str__(self) -> str:
        return f"{self.version} ← {self.uri}"

    @property
    def shown_uri(self) -> str:
        """The parent's present URI, if it is a version that still exists; else the URI that was registered."""
        return self.uri if self.parent is None else f"models:/{self.parent.model.name}/{self.parent.number}"

    def visible_to(self, principal: Principal) -> bool:
        return may_see_uri(principal, self.shown_uri)
