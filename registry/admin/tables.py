"""Tables below the forms, of what belongs to a row: the latest, and where to see all."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.db.models import Exists, Model, OuterRef
from django.urls import reverse
from django.utils.html import format_html

from registry.models import Deployment, DeploymentTarget

LATEST = 20  # rows of a table


class Table(NamedTuple):
    title: str
    of: type[Model]  # what it shows, to those who may view that
    headers: Sequence[str]
    rows: Sequence[dict[str, Any]]  # with `cols`, as unfold's template has it
    all_of_them: str = ""  # the address of the whole list


def latest(title: str, of: type[Model], headers: Sequence[str], rows: Iterable[Sequence[Any]], **only: object) -> Table:
    """`only` is how the filters of the whole list are to be set."""
    address = f"{reverse(f'admin:registry_{of._meta.model_name}_changelist')}?{urlencode(only)}"
    return Table(f"{title} (the latest {LATEST})", of, headers, [{"cols": row} for row in rows], address)


def link(row: Model, text: object = None) -> str:
    """To the row's own page."""
    address = reverse(f"admin:registry_{row._meta.model_name}_change", args=[row.pk])
    return format_html('<a href="{}" class="text-primary-600 dark:text-primary-500">{}</a>', address, text or row)


def deployments_of(column: str, row: Model) -> Table:
    """That have a target in which `column` (`model` or `context`) is the row."""
    targets = DeploymentTarget.objects.filter(**{f"{column}_id": row.pk}, deployment=OuterRef("pk"))
    found = Deployment.objects.filter(Exists(targets)).defer("description", "metadata", "tags").order_by("-pk")
    rows = [(link(one), one.environment, one.status, one.owner, one.updated_at) for one in found[:LATEST]]
    headers = ("Name", "Environment", "Status", "Owner", "Updated at")
    return latest("Deployments", Deployment, headers, rows, **{column: row.pk})
