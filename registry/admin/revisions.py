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
            found = verify(revision)
        except ValueError:
            return "BROKEN: the content is no JSON any more."
        if found["intact"]:
            return "Intact: the digest of the content is the one that was written down."
        return f"BROKEN: the digest of the content is {found['computed']}, and not the one that was written down."

    @admin.display(description="content")
    def pinned(self, revision: DeploymentRevision) -> str:
        try:
            return pretty(json.loads(revision.content))
        except ValueError:
            return preformatted(revision.content)
