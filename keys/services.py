"""What changes keys."""

from typing import Any

from keys.models import APIKey, Permission


def create_key(created_by: str, **fields: Any) -> tuple[APIKey, str]:
    """A new key's row and, this once, the key itself. Without `expires_at` it lives KEY_DEFAULT_TTL_DAYS; with None
    it does not expire. Raises ValidationError, naming the fields."""
    row = APIKey(created_by=created_by, **fields)
    key = APIKey.objects.assign_key(row)
    row.full_clean()
    row.save(force_insert=True)
    return row, key


def create_first_key() -> tuple[APIKey, str] | None:
    """An admin key when there is no key at all, so that a new service can be used; else None. The caller sees to
    it that only one host does so at a time."""
    if APIKey.objects.exists():
        return None
    return create_key("init", name="first admin key", owner="admin", permissions=[Permission.ADMIN])
