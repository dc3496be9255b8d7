from django.contrib import admin

from registry.admin.base import NamedAdmin
from registry.admin.filters import OwnerFilter
from registry.admin.tables import LATEST, Table, deployments_of, latest, link
from registry.models import Context, ContextVersion
from registry.services import contexts as services


@admin.register(Context)
class ContextAdmin(NamedAdmin):
    services = services
    list_display = ("name", "owner", "latest_version", "created_at", "updated_at")
    sortable_by = ("name", "owner", "created_at", "updated_at")  # each has an index
    list_filter = (OwnerFilter,)
    editable = ("name", "owner", "description", "tags", "metadata")
    read_only_fields = ("id", "latest_version", "aliases", "models", "created_at", "created_by", "updated_at")

    def tables(self, obj: Context) -> list[Table]:
        versions = obj.versions.order_by("-number").only("number", "digest", "created_by", "created_at")
        rows = [
            (link(one, one.number), ", ".join(obj.aliases_of(one.number)), one.digest, one.created_by, one.created_at)
            for one in versions[:LATEST]
        ]
        headers = ("Version", "Aliases", "Digest", "Created by", "Created at")
        return [latest("Versions", ContextVersion, headers, rows, context=obj.pk), deployments_of("context", obj)]
