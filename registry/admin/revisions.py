import json

from django.contrib import admin

from mcp_project.staff.pages import preformatted, pretty
from registry.admin.filters import DeploymentFilter
from registry.admin.parts import PartAdmin
from registry.models import DeploymentRevision
from registry.services.revisions import verify


@admin.register(DeploymentRevision)
class DeploymentRevisionAdmin(PartAdmin):
    parent = "deployment"
    large = ("content",)
    list_display = ("__str__", "at", "actor", "message", "digest")
    list_filter = (DeploymentFilter,)
    fields = ("belongs_to", "number", "at", "actor", "message", "digest", "seal", "pinned")

    def seal(self, revision: DeploymentRevision) -> str:
        try:
            result = verify(revision)
        except ValueError:
            return "BROKEN: the content is no longer JSON. It was changed outside of the service."
        if result["intact"]:
            return "Intact: the content has the digest that was recorded."
        return (
            f"BROKEN: the digest of the content is {result['computed']}, not the recorded one. "
            "It was changed outside of the service."
        )

    @admin.display(description="content")
    def pinned(self, revision: DeploymentRevision) -> str:
        try:
            return pretty(json.loads(revision.content))
        except ValueError:
            return preformatted(revision.content)
