"""Keys in the admin. They are made by the API or `manage.py create_key`, which can show a secret once."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from rest_framework_api_key.models import APIKey as UnusedAPIKey
from unfold.admin import ModelAdmin

from keys.models import APIKey

admin.site.unregister(UnusedAPIKey)  # the library's own, which has no table here


@admin.register(APIKey)
class APIKeyAdmin(ModelAdmin):  # type: ignore[misc]
    list_display = ("prefix", "name", "owner", "permissions", "status", "expires_at", "created_at")
    list_filter = ("owner", "expires_at", "revoked_at")
    search_fields = ("prefix", "name", "owner")
    fields = (
        "id", "prefix", "name", "owner", "permissions", "rate_limit", "status",
        "expires_at", "revoked_at", "created_at", "created_by",
    )  # fmt: skip
    readonly_fields = ("id", "prefix", "permissions", "status", "revoked_at", "created_at", "created_by")
    actions = ("revoke",)
    ordering = ("-pk",)
    show_full_result_count = False

    def has_add_permission(self, _request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False  # a key is revoked, and stays on record

    @admin.action(description="Revoke the selected keys (final)", permissions=["change"])
    def revoke(self, request: HttpRequest, keys: QuerySet[APIKey]) -> None:
        for key in keys:
            key.revoke()
        self.message_user(request, f"{len(keys)} revoked.")
