from typing import Any

from django.contrib import admin
from django.db import models, transaction
from django.forms import ModelForm
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from keys import audit
from mcp_project.admin import JSON_IN_FORMS
from registry.models import Context, Named, RegisteredModel
from registry.services import contexts, followers
from registry.services import models as services


class NamedAdmin(ModelAdmin):  # type: ignore[misc]
    told: tuple[str, ...]  # what the audit trail tells of one that is made or deleted
    search_fields = ("name", "description")
    readonly_fields: tuple[str, ...] = ("id", "latest_version", "aliases", "created_at", "created_by", "updated_at")
    ordering = ("-pk",)
    show_full_result_count = False
    formfield_overrides = {models.JSONField: JSON_IN_FORMS}  # noqa: RUF012

    def save_model(self, request: HttpRequest, obj: Named, form: "ModelForm[Named]", change: bool) -> None:
        actor = f"user:{request.user.get_username()}"
        if not change:
            obj.created_by = actor
        names = form.changed_data if change else self.told
        services.save_model(actor, obj, "update" if change else "create", names)

    @transaction.atomic
    def delete_model(self, request: HttpRequest, obj: Named) -> None:
        type(obj)._default_manager.select_for_update().get(pk=obj.pk)  # first its row, as everybody does
        was = {name: (getattr(obj, name), None) for name in self.told}
        actor = f"user:{request.user.get_username()}"
        followers.fail_users(actor, obj)  # who deletes here has seen the page that asks whether he is sure
        audit.record(actor, "delete", obj, was)
        obj.delete()

    @transaction.atomic
    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        for obj in queryset.order_by("pk"):
            self.delete_model(request, obj)


@admin.register(RegisteredModel)
class RegisteredModelAdmin(NamedAdmin):
    told = services.TOLD
    list_display = ("name", "owner", "framework", "task", "created_at", "updated_at")
    list_filter = ("owner", "framework", "task")


@admin.register(Context)
class ContextAdmin(NamedAdmin):
    told = contexts.TOLD
    list_display = ("name", "owner", "latest_version", "created_at", "updated_at")
    list_filter = ("owner",)
    readonly_fields = (*NamedAdmin.readonly_fields, "models")
