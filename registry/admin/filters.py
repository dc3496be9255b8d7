"""Filters of long lists: each finds its rows by an index, and none reads the table to list the values there are."""

from typing import Any

from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import TextFilter

from mcp_project.errors import NotFound
from mcp_project.staff.pages import LongListAdmin
from registry.models import Context, Deployment, DeploymentTarget, RegisteredModel
from registry.queries import find_named


class ExactFilter(TextFilter):  # type: ignore[misc]
    """The rows whose column `parameter_name` has exactly this text."""

    def queryset(self, _request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        return rows.filter(**{self.parameter_name: self.value()}) if self.value() else rows


class OwnerFilter(ExactFilter):
    title = parameter_name = "owner"


class FrameworkFilter(ExactFilter):
    title = parameter_name = "framework"


class TaskFilter(ExactFilter):
    title = parameter_name = "task"


class RunFilter(ExactFilter):
    title = "run"
    parameter_name = "run_id"


class OneFilter(TextFilter):  # type: ignore[misc]
    """The rows that belong to one resource of the kind `of`, told by its id or name."""

    of: Any

    def queryset(self, _request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        if not self.value():
            return rows
        try:
            return self.rows_of(rows, find_named(self.of.objects.only("name"), self.value()))
        except NotFound:
            return rows.none()

    def rows_of(self, rows: QuerySet[Any], resource: Any) -> QuerySet[Any]:
        return rows.filter(**{self.parameter_name: resource.pk})


class ModelFilter(OneFilter):
    title = parameter_name = "model"
    of = RegisteredModel


class ContextFilter(OneFilter):
    title = parameter_name = "context"
    of = Context


class DeploymentFilter(OneFilter):
    title = parameter_name = "deployment"
    of = Deployment


class UsesFilter(OneFilter):
    """Of deployments: those with a target that pins it."""

    def rows_of(self, rows: QuerySet[Any], resource: Any) -> QuerySet[Any]:
        targets = DeploymentTarget.objects.filter(deployment=OuterRef("pk"))
        return rows.filter(Exists(targets.filter(**{f"{self.parameter_name}_id": resource.pk})))


class UsesModelFilter(UsesFilter):
    title = parameter_name = "model"
    of = RegisteredModel


class UsesContextFilter(UsesFilter):
    title = parameter_name = "context"
    of = Context


class FiltersAlone(LongListAdmin):
    """Lists that are filtered by `list_filter` alone: by other columns, in the address, all rows would be read."""

    list_filter_submit = True

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:  # noqa: ARG002
        return lookup in {wanted.parameter_name for wanted in self.list_filter} and "\0" not in value
