"""Base class of the pages of versions and revisions."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from mcp_project.staff.pages import ReadOnlyAdmin
from registry.admin.filters import IndexedFiltersAdmin
from registry.admin.tables import link


class PartAdmin(IndexedFiltersAdmin, ReadOnlyAdmin):
    """Read-only pages of rows that are numbered within a resource, `parent`, by which the list can be filtered."""

    parent: str
    large: tuple[str, ...]
    sortable_by = ()

    def deferred_columns(self) -> tuple[str, ...]:
        return (*self.large, *(f"{self.parent}__{name}" for name in ("description", "tags", "metadata")))

    def get_list_select_related(self, _request: HttpRequest) -> list[str]:
        return [self.parent]

    def get_ordering(self, request: HttpRequest) -> tuple[str]:
        return ("-number",) if request.GET.get(self.parent) else ("-pk",)  # both orders have an index

    def audited_object(self, obj: Any) -> Any:
        return getattr(obj, self.parent)

    def belongs_to(self, obj: Any) -> str:
        return link(getattr(obj, self.parent))

    @admin.display(description="aliases")
    def aliases_column(self, obj: Any) -> str:
        return ", ".join(obj.aliases)
