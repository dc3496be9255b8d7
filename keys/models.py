"""API keys, and the limiter's tables."""

import uuid
from datetime import datetime, timedelta
from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import MinLengthValidator
from django.db import models
from django.utils import timezone
from rest_framework_api_key.models import AbstractAPIKey, BaseAPIKeyManager

from keys.crypto import KeyGenerator, prefix_of
from keys.limits.rate import Rate
from mcp_project.ids import uuid7
from mcp_project.validators import printable


class Permission(models.TextChoices):
    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


def validate_rate(text: str) -> None:
    try:
        Rate.parse(text)
    except ValueError as error:
        raise ValidationError(str(error), "invalid_rate") from None


def default_expiry() -> datetime:
    return timezone.now() + timedelta(days=settings.KEY_DEFAULT_TTL_DAYS)


class APIKeyManager(BaseAPIKeyManager):
    """djangorestframework-api-key's manager: `create_key(**fields)` gives the key's row and, this once, the key."""

    key_generator = KeyGenerator()

    def assign_key(self, obj: AbstractAPIKey) -> str:
        """Make a key for the row. Unlike the library's, the row's id stays what it is: a UUID that may be logged."""
        key, obj.prefix, obj.hashed_key = self.key_generator.generate()
        return key

    def get_usable_keys(self) -> "models.QuerySet[APIKey]":
        return self.filter(revoked_at__isnull=True)

    def find(self, key: str) -> "APIKey | None":
        """The row of a key, expired and revoked ones included; None unless every character of it is right.

        No query for what is not a key by its form and checksum, else one."""
        prefix = prefix_of(key)
        if prefix is None:
            return None
        row: APIKey | None = self.filter(prefix=prefix).first()
        return row if row is not None and row.is_valid(key) else None


class APIKey(AbstractAPIKey):
    """A key: whose it is, what it may do, how much, and for how long. Its secret is stored as a hash only.

    The library's columns `created`, `expiry_date` and `revoked` have other names here, and `revoked` says when.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)  # type: ignore[assignment]
    name = models.CharField(max_length=100, validators=[printable, MinLengthValidator(1)])
    owner = models.CharField(max_length=100, validators=[printable, MinLengthValidator(1)], db_index=True)
    permissions = ArrayField(models.CharField(max_length=16, choices=Permission.choices), default=list)
    rate_limit = models.CharField(max_length=24, blank=True, default="", validators=[validate_rate])
    expires_at = models.DateTimeField(null=True, blank=True, default=default_expiry)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.CharField(max_length=150, blank=True, default="", editable=False)

    created = None  # type: ignore[assignment]
    objects: ClassVar[APIKeyManager] = APIKeyManager()  # type: ignore[assignment]

    class Meta:
        verbose_name = "API key"
        ordering = ("-pk",)

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix})"

    @property
    def revoked(self) -> bool:  # type: ignore[override]
        return self.revoked_at is not None

    @property
    def expiry_date(self) -> datetime | None:  # type: ignore[override]
        return self.expires_at

    @property
    def effective_rate_limit(self) -> str:
        return self.rate_limit or settings.DEFAULT_RATE_LIMIT

    @property
    def rate(self) -> Rate:
        return Rate.parse(self.effective_rate_limit)

    @property
    def status(self) -> str:
        if self.revoked:
            return "revoked"
        return "expired" if self.has_expired else "active"

    def revoke(self) -> None:
        """Final. Revoking again changes nothing: the first time stands."""
        now = timezone.now()
        if type(self).objects.filter(pk=self.pk, revoked_at__isnull=True).update(revoked_at=now):
            self.revoked_at = now


class Bucket(models.Model):
    """The token bucket of a key, by keys.limits.buckets. An unlogged table: after a crash of PostgreSQL it is empty,
    and every bucket full."""

    key_id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    full_at = models.BigIntegerField()  # this and the next: nanoseconds since 1970
    seen_at = models.BigIntegerField()
    admitted = models.BooleanField()

    def __str__(self) -> str:
        return str(self.key_id)


class DoorCounter(models.Model):
    """A counter of keys.limits.doors, in an unlogged table."""

    name = models.CharField(max_length=250, primary_key=True)
    count = models.BigIntegerField()
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.name
