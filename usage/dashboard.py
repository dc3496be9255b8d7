"""The figures on the admin's first page."""

from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest

from keys.models import APIKey
from registry.models import Deployment, RegisteredModel
from usage.models import Event
from usage.period import Period
from usage.reports import Report

COUNT_LIMIT = 10_000  # counting stops here, so that the page is quick on a table with a million rows


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add the figures to the context. Unfold calls this (DASHBOARD_CALLBACK).

    A figure is shown only to users who may view the rows that it counts.
    """
    counted = [
        ("Keys in use", APIKey.objects.get_usable_keys()),
        ("Models", RegisteredModel.objects.all()),
        ("Live deployments", Deployment.objects.filter(status__in=Deployment.LIVE)),
    ]
    figures = [(title, _count(rows)) for title, rows in counted if _may_view(request, rows.model)]
    if _may_view(request, Event):
        [day] = Report(Period.of(None, None, ZoneInfo("UTC")), (), Q()).groups()
        figures += [("Requests in 24 h", day["requests"]), ("Errors in 24 h", day["errors"])]
    context["figures"] = figures
    return context


def _may_view(request: HttpRequest, model: type[Model]) -> bool:
    return request.user.has_perm(f"{model._meta.app_label}.view_{model._meta.model_name}")


def _count(rows: QuerySet[Any]) -> int | str:
    """Count the rows, up to COUNT_LIMIT."""
    count = rows.order_by()[: COUNT_LIMIT + 1].count()
    return count if count <= COUNT_LIMIT else f"over {COUNT_LIMIT}"
