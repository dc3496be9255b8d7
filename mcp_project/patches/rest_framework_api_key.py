"""djangorestframework-api-key: keys.APIKey extends its abstract model, and replaces its primary key (which holds the
hash), three of its columns and its manager's way to make a key. Its own table is not made (MIGRATION_MODULES)."""

from mcp_project.patches import Part


def parts() -> list[Part]:
    from rest_framework_api_key.crypto import KeyGenerator  # models cannot be imported before apps are loaded
    from rest_framework_api_key.models import AbstractAPIKey, BaseAPIKeyManager

    return [
        *(Part(AbstractAPIKey, name) for name in ("id", "prefix", "hashed_key", "created", "is_valid", "has_expired")),
        Part(AbstractAPIKey, "revoked"),
        Part(AbstractAPIKey, "expiry_date", method="_has_expired"),
        Part(BaseAPIKeyManager, "assign_key", method="create_key"),
        *(Part(KeyGenerator, name) for name in ("generate", "hash", "verify")),
    ]
