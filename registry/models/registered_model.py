from django.contrib.postgres.indexes import GinIndex
from django.db import models

from mcp_project.database.validators import printable
from registry.models.base import AliasMove, Named


class RegisteredModel(Named):
    """A model that the team has registered, under a name of its own."""

    framework = models.CharField(max_length=100, blank=True, default="", validators=[printable])
    task = models.CharField(max_length=100, blank=True, default="", validators=[printable])
    license = models.CharField(max_length=100, blank=True, default="", validators=[printable])
    # Aliases whose followers are on their way to the version that it names (registry.services.moves), and who moved it:
    # name → {"actor", "request_id"}.
    moving = models.JSONField(default=dict, db_default={}, editable=False)

    class Meta:
        ordering = ("-pk",)
        indexes = (
            GinIndex(fields=["tags"], name="registry_model_tags", opclasses=["jsonb_path_ops"]),
            models.Index(fields=["updated_at", "name"], name="registry_model_updated"),
            models.Index(fields=["created_at", "name"], name="registry_model_created"),
            models.Index(fields=["owner", "id"], name="registry_model_owner"),
            models.Index(fields=["framework", "id"], name="registry_model_framework"),
            models.Index(fields=["task", "id"], name="registry_model_task"),
            models.Index(fields=["id"], name="registry_model_moving", condition=~models.Q(moving={})),
        )


class ModelAliasMove(AliasMove):
    model = models.ForeignKey(
        RegisteredModel, on_delete=models.DO_NOTHING, related_name="alias_moves", db_constraint=False
    )

    class Meta:
        ordering = ("-edition",)
        constraints = (
            models.UniqueConstraint(fields=["model", "alias", "edition"], name="registry_model_alias_moves"),
        )
