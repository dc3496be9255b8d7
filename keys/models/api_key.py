"""API keys."""

from datetime import datetime, timedelta
from typing import ClassVar
from uuid import UUID

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import MinLengthValidator
from django.db import models
from django.utils import timezone
from rest_framework_api_key.models import AbstractAPIKey, BaseAPIKeyManager

from keys.crypto import KeyGenerator, prefix_of
from keys.limits.decision import Limits
from keys.limits.quota import parse_quota
from keys.limits.rate import Rate
from keys.patterns import MAX_PATTERN, validate_model_patterns, validate_networks
from mcp_project.database.ids import uuid7
from mcp_project.database.validators import JSONObject, printable
from mcp_project.errors import NotFound

MAX_METADATA_BYTES = 8 * 1024
STATUSES = ("active", "disabled", "expired", "revoked")


class Permission(models.TextChoices):
    READ = "read"
    WRITE = "write"
    INVOKE = "invoke"
    VERIFY = "verify"  # to ask about others' keys: a gateway that must do so need not be able to make keys
    ADMIN = "admin"


class OnOutage(models.TextChoices):
    """How a key's requests are decided while the limiter's counters are unavailable."""

    CLOSED = "closed"  # refused
    OPEN = "open"  # admitted
    LOCAL = "local"  # limited by each worker for itself


def validate_rate(text: str) -> None:
    try:
        Rate.parse(text)
    except ValueError as error:
        raise ValidationError(str(error), "invalid_rate") from None


def validate_quota(value: object) -> None:
    try:
        parse_quota(value)
    except ValueError as error:
        raise ValidationError(str(error), "invalid_quota") from None


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
        return self.filter(self.status_is("active"))

    @staticmethod
    def status_is(status: str) -> models.Q:
        """The condition on rows that APIKey.status evaluates on one row."""
        revoked = models.Q(revoked_at__isnull=False)
        expired = models.Q(expires_at__isnull=False, expires_at__lt=timezone.now())
        if status == "revoked":
            return revoked
        if status == "expired":
            return ~revoked & expired
        return ~revoked & ~expired & models.Q(enabled=status == "active")

    def with_id(self, key_id: UUID, lock: bool = False) -> "APIKey":
        """Raises NotFound. With `lock`, the row is locked until the transaction ends."""
        row: APIKey | None = (self.select_for_update() if lock else self.all()).filter(pk=key_id).first()
        if row is None:
            raise NotFound
        return row

    def find(self, key: str) -> "APIKey | None":
        """The row of a key, expired and revoked ones included; None unless every character of the key is right.

        Text without the form or checksum of a key takes no query, a key takes one.
        """
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
    model_patterns = ArrayField(  # `models` in the API
        models.CharField(max_length=MAX_PATTERN), null=True, blank=True, validators=[validate_model_patterns]
    )
    allowed_ips = ArrayField(models.CharField(max_length=64), null=True, blank=True, validators=[validate_networks])
    rate_limit = models.CharField(max_length=24, blank=True, default="", validators=[validate_rate])
    daily_quota = models.BigIntegerField(null=True, blank=True, validators=[validate_quota])
    monthly_quota = models.BigIntegerField(null=True, blank=True, validators=[validate_quota])
    on_outage = models.CharField(max_length=8, choices=OnOutage.choices, blank=True, default="")
    enabled = models.BooleanField(default=True)
    metadata = models.JSONField(blank=True, default=dict, validators=[JSONObject(MAX_METADATA_BYTES)])
    expires_at = models.DateTimeField(null=True, blank=True, default=default_expiry)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    lifetime = models.DurationField(null=True, blank=True, editable=False)  # that a successor has; None: the same end
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    rotated_from = models.OneToOneField(
        "self", models.PROTECT, null=True, blank=True, editable=False, related_name="successor"
    )
    pool_id = models.UUIDField(default=uuid7, editable=False)  # whose bucket and quotas it spends from
    edition = models.PositiveIntegerField(default=1, editable=False)  # counts changes, for the ETag
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.CharField(max_length=200, blank=True, default="", editable=False)

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
    def effective_on_outage(self) -> str:
        return self.on_outage or settings.THROTTLE_ON_OUTAGE

    @property
    def limits(self) -> Limits:
        rate = Rate.parse(self.effective_rate_limit)
        return Limits(self.pool_id, rate, self.daily_quota, self.monthly_quota, self.on_outage)

    @property
    def status(self) -> str:
        """The first that holds of: revoked, expired, disabled; else active."""
        if self.revoked:
            return "revoked"
        if self.has_expired:
            return "expired"
        return "active" if self.enabled else "disabled"

    @property
    def etag(self) -> str:
        return f'"{self.edition}"'
