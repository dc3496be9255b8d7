"""Filters of long lists. Each finds its rows by an index, and none reads the table to offer values."""

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


class ResourceFilter(TextFilter):  # type: ignore[misc]
    """The rows that belong to one resource of `resource_model`, which the user names by id or name."""

    resource_model: Any

    def queryset(self, _request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        if not self.value():
            return rows
        try:
            return self.rows_of(rows, find_named(self.resource_model.objects.only("name"), self.value()))
        except NotFound:
            return rows.none()

    def rows_of(self, rows: QuerySet[Any], resource: Any) -> QuerySet[Any]:
        return rows.filter(**{self.parameter_name: resource.pk})


class ModelFilter(ResourceFilter):
    title = parameter_name = "model"
    resource_model = RegisteredModel


class ContextFilter(ResourceFilter):
    title = parameter_name = "context"
    resource_model = Context


class DeploymentFilter(ResourceFilter):
    title = parameter_name = "deployment"
    resource_model = Deployment


class UsesFilter(ResourceFilter):
    """The deployments with a target that pins the resource."""

    def rows_of(self, rows: QuerySet[Any], resource: Any) -> QuerySet[Any]:
        targets = DeploymentTarget.objects.filter(deployment=OuterRef("pk"))
        return rows.filter(Exists(targets.filter(**{f"{self.parameter_name}_id": resource.pk})))


class UsesModelFilter(UsesFilter):
    title = parameter_name = "model"
    resource_model = RegisteredModel


class UsesContextFilter(UsesFilter):
    title = parameter_name = "context"
    resource_model = Context


class IndexedFiltersAdmin(LongListAdmin):
    """A list that takes only the filters of `list_filter`: others, in the page's address, would read all rows."""

    list_filter_submit = True

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:  # noqa: ARG002
        return lookup in {filter_.parameter_name for filter_ in self.list_filter} and "\0" not in value
