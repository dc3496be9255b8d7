from django.contrib import admin

from registry.admin.base import NamedAdmin
from registry.admin.filters import FrameworkFilter, OwnerFilter, TaskFilter
from registry.admin.tables import LATEST, Table, deployments_of, latest, link
from registry.models import ModelVersion, RegisteredModel
from registry.services import models as services

LARGE = ("description", "tags", "metrics", "params", "signature")


@admin.register(RegisteredModel)
class RegisteredModelAdmin(NamedAdmin):
    services = services
    list_display = ("name", "owner", "framework", "task", "created_at", "updated_at")
    sortable_by = list_display  # each has an index
    list_filter = (OwnerFilter, FrameworkFilter, TaskFilter)
    editable = ("name", "owner", "description", "framework", "task", "license", "tags", "metadata")
    read_only_fields = ("id", "latest_version", "aliases", "created_at", "created_by", "updated_at")

    def tables(self, obj: RegisteredModel) -> list[Table]:
        rows = [
            (
                link(one, one.number),
                one.status,
                one.stage,
                ", ".join(obj.aliases_of(one.number)),
                one.source,
                one.created_at,
            )
            for one in obj.versions.order_by("-number").defer(*LARGE)[:LATEST]
        ]
        headers = ("Version", "Status", "Stage", "Aliases", "Source", "Created at")
        versions = latest("Versions", ModelVersion, headers, rows, model=obj.pk)
        return [versions, deployments_of("model", obj)]
