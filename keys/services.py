"""Changes to keys. Each change and its audit entry are one transaction."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.utils import timezone

from keys import judgement
from keys.models import APIKey, Permission
from keys.patterns import normal_networks
from mcp_project.audit import trail
from mcp_project.audit.actions import Action
from mcp_project.database import transactions
from mcp_project.database.locks import Lock, hold
from mcp_project.errors import Conflict, Invalid, Stale

# The fields in the audit entry of a new key.
AUDITED_FIELDS = (
    "name", "owner", "permissions", "model_patterns", "allowed_ips", "rate_limit", "daily_quota", "monthly_quota",
    "on_outage", "enabled", "metadata", "expires_at",
)  # fmt: skip
LIMITS = ("rate_limit", "daily_quota", "monthly_quota", "on_outage")  # the same for all keys of a pool
INHERITED = tuple(name for name in AUDITED_FIELDS if name != "expires_at")


def create_key(actor: str, **fields: Any) -> tuple[APIKey, str]:
    """A new key's row and, this once, the key itself. Without `expires_at` it lives KEY_DEFAULT_TTL_DAYS; with None
    it does not expire. Raises Invalid."""
    row = APIKey(**fields)
    if "expires_at" not in fields:  # no expiry was chosen: a successor may live as long again
        row.lifetime = timedelta(days=settings.KEY_DEFAULT_TTL_DAYS)
    return row, save_new_key(actor, row)


def save_new_key(actor: str, row: APIKey) -> str:
    """Create a key like `create_key`, from a row that is filled in already."""
    row.created_by = actor
    _tidy(row)
    key = APIKey.objects.assign_key(row)
    _require_valid(row)
    _insert(actor, row)
    return key


@transactions.change
def _insert(actor: str, row: APIKey) -> None:
    hold(Lock.OWNER, row.owner)
    row.save(force_insert=True)
    trail.record(actor, Action.CREATE, row, {name: (None, getattr(row, name)) for name in AUDITED_FIELDS})


def create_first_key() -> tuple[APIKey, str] | None:
    """An admin key when there is no key at all, so that a new service can be used; else None. The caller sees to
    it that only one host does so at a time."""
    if APIKey.objects.exists():
        return None
    return create_key("init", name="first admin key", owner="admin", permissions=[Permission.ADMIN])


@transactions.change
def update_key(actor: str, key_id: UUID, etags: Collection[str] | None, changes: Mapping[str, Any]) -> APIKey:
    """Change a key, if its ETag is still one of `etags` (None: whichever it is).

    What limits a key limits its pool: other keys that spend from the same counters change with it. With different
    rates, each would take the counters for something else.

    Raises NotFound, Stale for another ETag, Conflict when the key is revoked, Invalid.
    """
    shared = {name: value for name, value in changes.items() if name in LIMITS}
    seen = APIKey.objects.with_id(key_id)
    for owner in sorted({seen.owner, changes.get("owner", seen.owner)}):
        hold(Lock.OWNER, owner)  # the lock keeps others from rotating it
    if shared:
        hold(Lock.POOL, str(seen.pool_id))
    pool = _locked_pool(actor, seen.pool_id) if shared else [_locked(actor, key_id)]
    row = next(key for key in pool if key.pk == key_id)
    if etags is not None and row.etag not in etags:
        raise Stale
    if row.revoked:
        raise Conflict("The key is revoked, which is final.")
    if "expires_at" in changes:
        changes = {**changes, "lifetime": None}  # an expiry that was chosen binds successors, too
    _change(actor, row, changes)
    for other in pool:
        if other is not row and not other.revoked:
            _change(actor, other, shared)
    return row


@transactions.change
def rotate_key(actor: str, key_id: UUID, overlap_seconds: int) -> tuple[APIKey, str]:
    """Create a successor with the same rights and the same counters. It expires with the old key if that expiry was
    chosen, and otherwise lives as long again. The old key stays valid for `overlap_seconds`, but not beyond its own
    expiry; 0 ends it now.

    Raises NotFound, and Conflict for a key that is revoked, expired or rotated already.
    """
    now = timezone.now()
    old = _locked_for_rotation(actor, key_id)
    if old.revoked or old.has_expired:
        raise Conflict(f"The key is {old.status}: make a new one.")
    row = APIKey(
        **{name: getattr(old, name) for name in INHERITED},
        created_by=actor,
        rotated_from=old,
        pool_id=old.pool_id,
        lifetime=old.lifetime,
        expires_at=old.expires_at if old.lifetime is None else now + old.lifetime,
    )
    key = APIKey.objects.assign_key(row)
    try:
        row.save(force_insert=True)
    except IntegrityError:
        raise Conflict("The key was rotated before: rotate its successor.") from None
    trail.record(actor, Action.CREATE, row, {"rotated_from": (None, old.pk), "expires_at": (None, row.expires_at)})
    if overlap_seconds == 0:
        _revoke(actor, old)
    else:
        _end(actor, old, now + timedelta(seconds=overlap_seconds))
    return row, key


def note_use(moments: Mapping[UUID, datetime]) -> None:
    """Move `last_used_at` of keys on to these moments, where it lies more than a minute back."""
    for key_id, moment in sorted(moments.items()):
        stale = moment - timedelta(minutes=1)
        unused = APIKey.objects.filter(pk=key_id, last_used_at__isnull=True)
        (unused | APIKey.objects.filter(pk=key_id, last_used_at__lt=stale)).update(last_used_at=moment)


def _change(actor: str, row: APIKey, changes: Mapping[str, Any]) -> None:
    """Set and save what differs, with its audit entry. Raises Invalid."""
    before = {name: getattr(row, name) for name in changes}
    for name, value in changes.items():
        setattr(row, name, value)
    _tidy(row)
    changed = {name: (before[name], getattr(row, name)) for name in changes if before[name] != getattr(row, name)}
    if changed:
        row.edition += 1
        _require_valid(row)
        row.save(update_fields=[*changed, "edition"])
        trail.record(actor, Action.UPDATE, row, changed)


def _locked(actor: str, key_id: UUID) -> APIKey:
    row = APIKey.objects.with_id(key_id, lock=True)
    _settle(actor, [row])
    return row


def _locked_pool(actor: str, pool_id: UUID) -> list[APIKey]:
    """Locks rows by ascending id, so that no two transactions wait for each other."""
    rows = list(APIKey.objects.select_for_update().filter(pool_id=pool_id).order_by("pk"))
    _settle(actor, rows)
    return rows


def _locked_for_rotation(actor: str, key_id: UUID) -> APIKey:
    """Raises NotFound, and Conflict when the key was given to another owner at the same time: then the lock that is
    held is not that owner's."""
    seen = APIKey.objects.with_id(key_id)
    hold(Lock.OWNER, seen.owner)
    hold(Lock.POOL, str(seen.pool_id))
    old = _locked(actor, key_id)
    if old.owner != seen.owner:
        raise Conflict("The key was given to another owner at the same time: repeat it.")
    return old


def _settle(actor: str, held: list[APIKey]) -> None:
    if actor in {f"key:{row.pk}" for row in held}:
        judgement.settle()


def _require_valid(row: APIKey) -> None:
    """Raises Invalid."""
    try:
        row.full_clean()
    except ValidationError as error:
        raise Invalid.of_model(error) from None


def _tidy(row: APIKey) -> None:
    """One way to write what can be written in several."""
    row.permissions = sorted(set(row.permissions))
    if row.allowed_ips:
        try:
            row.allowed_ips = normal_networks(row.allowed_ips)
        except ValueError:
            return  # _require_valid says which


def _revoke(actor: str, row: APIKey) -> None:
    row.revoked_at = timezone.now()
    row.edition += 1
    row.save(update_fields=["revoked_at", "edition"])
    trail.record(actor, Action.REVOKE, row, {"revoked_at": (None, row.revoked_at)})


def _end(actor: str, row: APIKey, moment: datetime) -> None:
    """Let the key expire at `moment`, or as before when that is earlier."""
    before = row.expires_at
    if before is not None and before <= moment:
        return
    row.expires_at = moment
    row.edition += 1
    row.save(update_fields=["expires_at", "edition"])
    trail.record(actor, Action.UPDATE, row, {"expires_at": (before, moment)})
