from django.contrib import admin

from mcp_project.staff.pages import pretty_json
from registry.admin.filters import ModelFilter, RunFilter
from registry.admin.models import LARGE
from registry.admin.parts import PartAdmin
from registry.models import ModelVersion


@admin.register(ModelVersion)
class ModelVersionAdmin(PartAdmin):
    parent = "model"
    large = LARGE
    list_display = ("__str__", "status", "stage", "aliases_column", "run_id", "created_at", "created_by")
    list_filter = (ModelFilter, RunFilter)
    fields = (
        "belongs_to", "number", "aliases_column", "status", "status_message", "stage", "source", "digest", "size",
        "run_id", "run_link", "made_from", "description", pretty_json("tags"), pretty_json("metrics"),
        pretty_json("params"), pretty_json("signature"), "id", "created_at", "created_by", "updated_at",
    )  # fmt: skip

    def made_from(self, version: ModelVersion) -> str:
        return "\n".join(edge.shown_uri for edge in version.parents.all().with_names())
