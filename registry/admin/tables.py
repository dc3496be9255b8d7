"""Tables below a form: the latest rows that belong to an object, and a link to all of them."""

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
    of: type[Model]  # the rows' model: the table is shown to users who may view it
    headers: Sequence[str]
    rows: Sequence[dict[str, Any]]  # each has its cells in `cols`, as unfold's template expects
    list_url: str = ""  # the address of the whole list


def latest(title: str, of: type[Model], headers: Sequence[str], rows: Iterable[Sequence[Any]], **only: object) -> Table:
    """Return a table of the latest rows. `only` sets the filters of the whole list."""
    address = f"{reverse(f'admin:registry_{of._meta.model_name}_changelist')}?{urlencode(only)}"
    return Table(f"{title} (the latest {LATEST})", of, headers, [{"cols": row} for row in rows], address)


def link(row: Model, text: object = None) -> str:
    """Return a link to the row's page."""
    address = reverse(f"admin:registry_{row._meta.model_name}_change", args=[row.pk])
    return format_html('<a href="{}" class="text-primary-600 dark:text-primary-500">{}</a>', address, text or row)


def deployments_of(column: str, row: Model) -> Table:
    """Return a table of the deployments with a target whose `column` (`model` or `context`) is the row."""
    targets = DeploymentTarget.objects.filter(**{f"{column}_id": row.pk}, deployment=OuterRef("pk"))
    deployments = Deployment.objects.filter(Exists(targets)).defer("description", "metadata", "tags").order_by("-pk")
    rows = [(link(one), one.environment, one.status, one.owner, one.updated_at) for one in deployments[:LATEST]]
    headers = ("Name", "Environment", "Status", "Owner", "Updated at")
    return latest("Deployments", Deployment, headers, rows, **{column: row.pk})
