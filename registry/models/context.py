from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models as db  # `models` is a field here
from django.utils import timezone

from mcp_project.database.ids import uuid7
from registry.models.base import AliasMove, Named


class Context(Named):
    """The prompts, parameters and tools that a model needs when it is called. The versions hold the content."""

    # Names of the models that any version is meant for. A key that may not see one of them does not see the context.
    models = ArrayField(db.CharField(max_length=255), default=list, editable=False)

    class Meta:
        ordering = ("-pk",)
        indexes = (
            GinIndex(fields=["tags"], name="registry_context_tags", opclasses=["jsonb_path_ops"]),
            GinIndex(fields=["models"], name="registry_context_models"),
            db.Index(fields=["updated_at", "name"], name="registry_context_updated"),
            db.Index(fields=["created_at", "name"], name="registry_context_created"),
            db.Index(fields=["owner", "id"], name="registry_context_owner"),
        )


class ContextVersion(db.Model):
    """One version of a context. Never changed; `digest` is over the canonical JSON of CONTENT, which is `plain`."""

    CONTENT = ("messages", "variables", "parameters", "tools", "resources", "output_schema", "models")

    id = db.UUIDField(primary_key=True, default=uuid7, editable=False)
    # registry/sql/cascades.sql makes the constraints, here and below: Django would load the rows to delete them.
    context = db.ForeignKey(Context, on_delete=db.DO_NOTHING, related_name="versions", db_constraint=False)
    number = db.PositiveIntegerField()
    messages = db.JSONField(default=list)
    variables = db.JSONField(default=list)
    parameters = db.JSONField(default=dict)
    tools = db.JSONField(default=list)
    resources = db.JSONField(default=list)
    output_schema = db.JSONField(null=True)
    models = db.JSONField(default=list)
    digest = db.CharField(max_length=71)
    description = db.TextField(default="")
    tags = db.JSONField(default=dict)
    created_at = db.DateTimeField(default=timezone.now)
    created_by = db.CharField(max_length=200)

    class Meta:
        ordering = ("-number",)
        constraints = (db.UniqueConstraint(fields=["context", "number"], name="registry_context_version_number"),)

    def __str__(self) -> str:
        return f"{self.context} {self.number}"

    @property
    def etag(self) -> str:
        """The context is part of it, because its name and aliases are shown with the version."""
        return f'"{self.pk.hex[-8:]}-{self.context.edition}"'

    @property
    def aliases(self) -> list[str]:
        return self.context.aliases_of(self.number)

    @property
    def content(self) -> dict[str, Any]:
        """The content that the digest covers."""
        return {name: getattr(self, name) for name in self.CONTENT}


class ContextAliasMove(AliasMove):
    context = db.ForeignKey(Context, on_delete=db.DO_NOTHING, related_name="alias_moves", db_constraint=False)

    class Meta:
        ordering = ("-edition",)
        constraints = (
            db.UniqueConstraint(fields=["context", "alias", "edition"], name="registry_context_alias_moves"),
        )
