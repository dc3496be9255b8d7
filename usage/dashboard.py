"""The figures on the admin's first page."""

from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Q
from django.http import HttpRequest

from keys.models import APIKey
from registry.models import RegisteredModel
from usage.period import Period
from usage.reports import Report


def dashboard(_request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Unfold's DASHBOARD_CALLBACK."""
    [day] = Report(Period.of(None, None, ZoneInfo("UTC")), (), Q()).groups()
    context["figures"] = [
        ("Keys in use", APIKey.objects.get_usable_keys().count()),
        ("Models", RegisteredModel.objects.count()),
        ("Requests in 24 h", day["requests"]),
        ("Errors in 24 h", day["errors"]),
    ]
    return context
