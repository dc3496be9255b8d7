"""What the pages of versions and revisions have in common."""

import json
from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html

from mcp_project.admin import ReadOnlyAdmin
from registry.admin.filters import FiltersAlone
from registry.admin.tables import link


class PartAdmin(FiltersAlone, ReadOnlyAdmin):
    """Read-only pages of what is numbered within a resource: of all resources, or filtered by `parent` of one."""

    parent: str
    sortable_by = ()

    def get_list_select_related(self, _request: HttpRequest) -> list[str]:
        return [self.parent]

    def get_ordering(self, request: HttpRequest) -> tuple[str]:
        return ("-number",) if request.GET.get(self.parent) else ("-pk",)  # as there is an index for either

    def belongs_to(self, obj: Any) -> str:
        return link(getattr(obj, self.parent))

    @admin.display(description="aliases")
    def named(self, obj: Any) -> str:
        return ", ".join(obj.aliases)


def preformatted(text: str) -> str:
    return format_html('<pre class="whitespace-pre-wrap break-words">{}</pre>', text)


def pretty(value: Any) -> str:
    return preformatted(json.dumps(value, indent=2, ensure_ascii=False))


def in_lines(column: str) -> Callable[[Any], str]:
    """A read-only field with the JSON of a column; unfold itself has it on one line, unless Pygments is installed."""

    @admin.display(description=column.replace("_", " "))
    def shown(obj: Any) -> str:
        return pretty(getattr(obj, column))

    return shown
