from django.contrib import admin
from unfold.admin import ModelAdmin

from registry.models import RegisteredModel


@admin.register(RegisteredModel)
class RegisteredModelAdmin(ModelAdmin):  # type: ignore[misc]
    list_display = ("name", "owner", "framework", "task", "created_at", "updated_at")
    list_filter = ("owner", "framework", "task")
    search_fields = ("name", "description")
    readonly_fields = ("id", "created_at", "created_by", "updated_at")
    ordering = ("-pk",)
    show_full_result_count = False
