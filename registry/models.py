"""Registered models. Their names, tags and coming versions follow MLflow's model registry."""

from typing import Any

from django.contrib.postgres.indexes import GinIndex
from django.core.exceptions import ValidationError
from django.db import models

from mcp_project.ids import uuid7
from mcp_project.validators import JSONObject, printable, storable

MAX_TAGS = 100
MAX_TAG_KEY = 250
MAX_TAG_VALUE = 5_000
MAX_METADATA_BYTES = 65_536


def validate_model_name(name: str) -> None:
    """MLflow's rule: no `/` and no `:`, which separate the parts of a model's URI."""
    if "/" in name or ":" in name:
        raise ValidationError("A model's name holds neither `/` nor `:`.", "invalid_name")


def validate_tags(tags: Any) -> None:
    if not isinstance(tags, dict):
        raise ValidationError("A JSON object of tags is wanted: key → value.", "not_an_object")
    if len(tags) > MAX_TAGS:
        raise ValidationError(f"At most {MAX_TAGS} tags; these are {len(tags)}.", "too_many")
    storable(tags)
    for key, value in tags.items():
        if not 1 <= len(key) <= MAX_TAG_KEY:
            raise ValidationError(f"A tag's key has from 1 to {MAX_TAG_KEY} characters.", "invalid_tag")
        printable(key)
        if not isinstance(value, str) or len(value) > MAX_TAG_VALUE:
            raise ValidationError(f"A tag's value is a string of at most {MAX_TAG_VALUE} characters.", "invalid_tag")


class RegisteredModel(models.Model):
    """A model that the team has registered, under a name of its own."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=255, unique=True, validators=[printable, validate_model_name])
    description = models.TextField(blank=True, default="", max_length=65_536)
    owner = models.CharField(max_length=100, validators=[printable], db_index=True)
    framework = models.CharField(max_length=100, blank=True, default="", validators=[printable])
    task = models.CharField(max_length=100, blank=True, default="", validators=[printable])
    tags = models.JSONField(blank=True, default=dict, validators=[validate_tags])
    metadata = models.JSONField(blank=True, default=dict, validators=[JSONObject(MAX_METADATA_BYTES)])
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.CharField(max_length=200, blank=True, default="", editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("-pk",)
        indexes = (GinIndex(fields=["tags"], name="registry_model_tags", opclasses=["jsonb_path_ops"]),)

    def __str__(self) -> str:
        return self.name
