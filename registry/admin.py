from typing import Any

from django.contrib import admin
from django.db import models, transaction
from django.forms import ModelForm
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from keys import audit
from mcp_project.admin import JSON_IN_FORMS
from registry.models import RegisteredModel
from registry.services import followers
from registry.services import models as services


@admin.register(RegisteredModel)
class RegisteredModelAdmin(ModelAdmin):  # type: ignore[misc]
    list_display = ("name", "owner", "framework", "task", "created_at", "updated_at")
    list_filter = ("owner", "framework", "task")
    search_fields = ("name", "description")
    readonly_fields = ("id", "latest_version", "aliases", "created_at", "created_by", "updated_at")
    ordering = ("-pk",)
    show_full_result_count = False
    formfield_overrides = {models.JSONField: JSON_IN_FORMS}  # noqa: RUF012

    def save_model(
        self, request: HttpRequest, obj: RegisteredModel, form: "ModelForm[RegisteredModel]", change: bool
    ) -> None:
        actor = f"user:{request.user.get_username()}"
        if not change:
            obj.created_by = actor
        names = form.changed_data if change else services.TOLD
        services.save_model(actor, obj, "update" if change else "create", names)

    @transaction.atomic
    def delete_model(self, request: HttpRequest, obj: RegisteredModel) -> None:
        RegisteredModel.objects.select_for_update().get(pk=obj.pk)  # first the model, as everybody does
        was = {name: (getattr(obj, name), None) for name in services.TOLD}
        actor = f"user:{request.user.get_username()}"
        followers.fail_users(actor, obj)  # who deletes here has seen the page that asks whether he is sure
        audit.record(actor, "delete", obj, was)
        obj.delete()

    @transaction.atomic
    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        for obj in queryset.order_by("pk"):
            self.delete_model(request, obj)
