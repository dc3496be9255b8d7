"""The figures on the admin's first page."""

from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Q, QuerySet
from django.http import HttpRequest

from keys.models import APIKey
from registry.models import Deployment, RegisteredModel
from usage.period import Period
from usage.reports import Report

MANY = 10_000


def dashboard(_request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Unfold's DASHBOARD_CALLBACK."""
    [day] = Report(Period.of(None, None, ZoneInfo("UTC")), (), Q()).groups()
    context["figures"] = [
        ("Keys in use", _counted(APIKey.objects.get_usable_keys())),
        ("Models", _counted(RegisteredModel.objects.all())),
        ("Live deployments", _counted(Deployment.objects.filter(status__in=Deployment.LIVE))),
        ("Requests in 24 h", day["requests"]),
        ("Errors in 24 h", day["errors"]),
    ]
    return context


def _counted(rows: QuerySet[Any]) -> int | str:
    """Of a million rows, the first are counted."""
    count = rows.order_by()[: MANY + 1].count()
    return count if count <= MANY else f"over {MANY}"
