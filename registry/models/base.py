"""The base classes of the registry's resources."""

from typing import Any

from django.db import models
from django.utils import timezone

from mcp_project.database.ids import uuid7
from mcp_project.database.statements import update
from mcp_project.database.validators import JSONObject, printable
from registry.validators import MAX_METADATA_BYTES, validate_model_name, validate_tags


class Resource(models.Model):
    """A row that is read, changed and deleted under a path of its own."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    description = models.TextField(blank=True, default="", max_length=65_536)
    tags = models.JSONField(blank=True, default=dict, validators=[validate_tags])
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    created_by = models.CharField(max_length=200, blank=True, default="", editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)
    edition = models.PositiveIntegerField(default=1, editable=False)  # grows with each change that clients can see

    class Meta:
        abstract = True

    @property
    def etag(self) -> str:
        """The id is part of it, because a resource that is created again under the same name is another one."""
        return f'"{self.pk.hex[-8:]}-{self.edition}"'

    def save_changes(self, *names: str) -> None:
        """Write the changed fields `names` of a locked row, with the next edition and the time."""
        self.edition += 1
        self.updated_at = timezone.now()
        update(self, *names, "edition", "updated_at")


class Named(Resource):
    """A resource with a unique name, numbered versions, and aliases that name some of the versions."""

    name = models.CharField(max_length=255, unique=True, validators=[printable, validate_model_name])
    owner = models.CharField(max_length=100, validators=[printable])
    metadata = models.JSONField(blank=True, default=dict, validators=[JSONObject(MAX_METADATA_BYTES)])
    # A column, not a table: aliases are read with the resource, and changed under the lock of its row.
    aliases = models.JSONField(default=dict, editable=False)  # name → number of a version
    last_number = models.PositiveIntegerField(default=0, editable=False)  # of a version, deleted ones included
    latest_version = models.PositiveIntegerField(null=True, editable=False)  # the highest number of a version

    versions: Any  # the related managers, which each kind of resource has
    alias_moves: Any

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.name

    def aliases_of(self, number: int) -> list[str]:
        return sorted(alias for alias, of in self.aliases.items() if of == number)


class AliasMove(models.Model):
    """History: one move of an alias, which was set, moved or removed. A row never changes."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    alias = models.CharField(max_length=255)
    edition = models.PositiveIntegerField()  # of the resource after the move: orders moves where clocks differ
    at = models.DateTimeField()
    actor = models.CharField(max_length=200)
    before = models.PositiveIntegerField(null=True)  # the version that it named; null for none
    after = models.PositiveIntegerField(null=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.alias}: {self.before} → {self.after}"
