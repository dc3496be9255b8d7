"""What the registry's resources have in common."""

from typing import Any

from django.db import models
from django.utils import timezone

from mcp_project.database.ids import uuid7
from mcp_project.database.validators import JSONObject, printable
from registry.validators import MAX_METADATA_BYTES, validate_model_name, validate_tags


class Resource(models.Model):
    """Something that is read, changed and deleted under an address of its own."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    description = models.TextField(blank=True, default="", max_length=65_536)
    tags = models.JSONField(blank=True, default=dict, validators=[validate_tags])
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    created_by = models.CharField(max_length=200, blank=True, default="", editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)
    edition = models.PositiveIntegerField(default=1, editable=False)  # grows with each change of what is shown

    class Meta:
        abstract = True

    @property
    def etag(self) -> str:
        """Of the id, too: what is made again under the same name is another."""
        return f'"{self.pk.hex[-8:]}-{self.edition}"'


class Named(Resource):
    """A resource with a name of its own. Its versions are numbered 1, 2, 3 …, and its aliases name some of them."""

    name = models.CharField(max_length=255, unique=True, validators=[printable, validate_model_name])
    owner = models.CharField(max_length=100, validators=[printable])
    metadata = models.JSONField(blank=True, default=dict, validators=[JSONObject(MAX_METADATA_BYTES)])
    # Here, and not in a table of their own: they are read with the resource, and changed under the lock of its row.
    aliases = models.JSONField(default=dict, editable=False)  # name → number
    last_number = models.PositiveIntegerField(default=0, editable=False)  # that was given; none is given again
    latest_version = models.PositiveIntegerField(null=True, editable=False)  # the highest that there is

    versions: Any  # the related managers, of what belongs to the kind of resource
    alias_moves: Any

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.name

    def aliases_of(self, number: int) -> list[str]:
        return sorted(alias for alias, of in self.aliases.items() if of == number)


class AliasMove(models.Model):
    """History: an alias was set, moved or removed. Never changed."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    alias = models.CharField(max_length=255)
    edition = models.PositiveIntegerField()  # that the move made: the order of moves, whatever the writers' clocks say
    at = models.DateTimeField()
    actor = models.CharField(max_length=200)
    before = models.PositiveIntegerField(null=True)  # the version that it named; null for none
    after = models.PositiveIntegerField(null=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.alias}: {self.before} → {self.after}"
