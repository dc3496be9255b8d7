from typing import Any

from django.contrib.postgres.indexes import GinIndex
from django.db import models

from mcp_project.database.ids import uuid7
from mcp_project.database.validators import JSONObject, printable
from registry.endpoints import MAX_ENDPOINT, validate_endpoint
from registry.models.base import Resource
from registry.models.context import ContextVersion
from registry.validators import MAX_METADATA_BYTES, validate_model_name

MAX_ENVIRONMENT = 63
MAX_MESSAGE = 1_000


class DeploymentStatus(models.TextChoices):
    PENDING = "pending"
    ACTIVE = "active"
    DRAINING = "draining"
    RETIRED = "retired"
    FAILED = "failed"


class Protocol(models.TextChoices):
    OPENAI = "openai"
    MLFLOW = "mlflow"
    HTTP = "http"


class Deployment(Resource):
    """Versions of models, bound to an environment and an endpoint. Every change of it makes a revision."""

    LIVE = frozenset({DeploymentStatus.PENDING, DeploymentStatus.ACTIVE, DeploymentStatus.DRAINING})

    name = models.CharField(max_length=255, unique=True, validators=[printable, validate_model_name])
    owner = models.CharField(max_length=100, validators=[printable], db_index=True)
    metadata = models.JSONField(blank=True, default=dict, validators=[JSONObject(MAX_METADATA_BYTES)])
    environment = models.CharField(max_length=MAX_ENVIRONMENT)
    endpoint = models.CharField(max_length=MAX_ENDPOINT, validators=[validate_endpoint])
    protocol = models.CharField(max_length=10, choices=Protocol.choices, default=Protocol.HTTP)
    timeout = models.PositiveIntegerField(default=60)  # seconds
    status = models.CharField(max_length=10, choices=DeploymentStatus.choices, default=DeploymentStatus.PENDING)
    digest = models.CharField(max_length=71, editable=False)  # of the latest revision

    class Meta:
        ordering = ("-pk",)
        indexes = (
            GinIndex(fields=["tags"], name="registry_deployment_tags", opclasses=["jsonb_path_ops"]),
            models.Index(fields=["updated_at", "name"], name="registry_deployment_updated"),
            models.Index(fields=["created_at", "name"], name="registry_deployment_created"),
        )

    def __str__(self) -> str:
        return self.name

    @property
    def revision(self) -> int:
        """The latest: each change makes one, so they are counted by the same number."""
        return self.edition


class DeploymentTarget(models.Model):
    """A version of a model, and its share of the requests.

    The names and digests are written out, so that the target can still be described when the model is deleted; until
    then every change of them locks the model's row.
    """

    # registry/sql/cascades.sql makes the constraint, which cascades in the database.
    deployment = models.ForeignKey(Deployment, on_delete=models.DO_NOTHING, related_name="targets", db_constraint=False)
    position = models.PositiveSmallIntegerField()
    model_id = models.UUIDField()
    model_name = models.CharField(max_length=255)
    number = models.PositiveIntegerField()  # of the version
    alias = models.CharField(max_length=255, blank=True, default="")  # that it follows
    digest = models.CharField(max_length=71, blank=True, default="")  # of the version's artifact
    context_id = models.UUIDField(null=True)
    context_name = models.CharField(max_length=255, blank=True, default="")
    context_number = models.PositiveIntegerField(null=True)  # of the context's version
    context_digest = models.CharField(max_length=71, blank=True, default="")
    weight = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ("position",)
        constraints = (models.UniqueConstraint(fields=["deployment", "position"], name="registry_target_position"),)
        indexes = (
            models.Index(fields=["model_id", "number"], name="registry_target_version"),
            models.Index(fields=["model_name"], name="registry_target_model_name"),
            models.Index(fields=["context_id"], name="registry_target_context", condition=~models.Q(context_id=None)),
        )

    def __str__(self) -> str:
        return f"{self.model_name} {self.number}: {self.weight} %"

    @property
    def context_version(self) -> dict[str, Any] | None:
        if self.context_id is None:
            return None
        return {
            "context": self.context_name,
            "context_id": str(self.context_id),
            "version": self.context_number,
            "digest": self.context_digest,
        }

    def pin_context(self, version: ContextVersion) -> None:
        self.context_id, self.context_name = version.context.pk, version.context.name
        self.context_number, self.context_digest = version.number, version.digest


class DeploymentRevision(models.Model):
    """History: what a deployment was from then on. The database refuses to change one, and to delete one before its
    deployment: see registry/sql/revisions.sql."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    # registry/sql/cascades.sql makes the constraint: Django would delete the revisions first, which is refused.
    deployment = models.ForeignKey(
        Deployment, on_delete=models.DO_NOTHING, related_name="revisions", db_constraint=False
    )
    number = models.PositiveIntegerField()
    at = models.DateTimeField()
    actor = models.CharField(max_length=200)
    message = models.CharField(max_length=MAX_MESSAGE, blank=True, default="")
    # The canonical JSON itself, and not jsonb, which would write 1e22 in another way than the digest has it.
    content = models.TextField()
    digest = models.CharField(max_length=71)

    class Meta:
        ordering = ("-number",)
        constraints = (models.UniqueConstraint(fields=["deployment", "number"], name="registry_revision_number"),)

    def __str__(self) -> str:
        return f"{self.deployment} {self.number}"

    @property
    def etag(self) -> str:
        return f'"{self.digest}"'
