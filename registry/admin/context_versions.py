from django.contrib import admin
from django.utils.html import format_html_join

from mcp_project.staff.pages import in_lines, preformatted
from registry.admin.filters import ContextFilter
from registry.admin.parts import PartAdmin
from registry.models import ContextVersion


@admin.register(ContextVersion)
class ContextVersionAdmin(PartAdmin):
    parent = "context"
    large = ("description", "tags", *ContextVersion.CONTENT)
    list_display = ("__str__", "named", "digest", "created_at", "created_by")
    list_filter = (ContextFilter,)
    fields = (
        "belongs_to", "number", "named", "digest", "description", in_lines("tags"), "said", in_lines("variables"),
        in_lines("parameters"), in_lines("tools"), in_lines("resources"), in_lines("output_schema"), "models", "id",
        "created_at", "created_by",
    )  # fmt: skip

    @admin.display(description="messages")
    def said(self, version: ContextVersion) -> str:
        pairs = ((message["role"], preformatted(message["template"])) for message in version.messages)
        return format_html_join("", "<p><strong>{}</strong></p>{}", pairs)
