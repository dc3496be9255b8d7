from django.contrib import admin
from django.utils.html import format_html_join

from mcp_project.staff.pages import preformatted, pretty_json
from registry.admin.filters import ContextFilter
from registry.admin.parts import PartAdmin
from registry.models import ContextVersion


@admin.register(ContextVersion)
class ContextVersionAdmin(PartAdmin):
    parent = "context"
    large = ("description", "tags", *ContextVersion.CONTENT)
    list_display = ("__str__", "aliases_column", "digest", "created_at", "created_by")
    list_filter = (ContextFilter,)
    fields = (
        "belongs_to", "number", "aliases_column", "digest", "description", pretty_json("tags"), "messages_column",
        pretty_json("variables"), pretty_json("parameters"), pretty_json("tools"), pretty_json("resources"),
        pretty_json("output_schema"), "models", "id", "created_at", "created_by",
    )  # fmt: skip

    @admin.display(description="messages")
    def messages_column(self, version: ContextVersion) -> str:
        pairs = ((message["role"], preformatted(message["template"])) for message in version.messages)
        return format_html_join("", "<p><strong>{}</strong></p>{}", pairs)
