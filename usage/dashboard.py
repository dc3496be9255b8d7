"""The figures on the admin's first page."""

from datetime import timedelta
from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from keys.models import APIKey
from registry.models import RegisteredModel
from usage.models import Event
from usage.reports import usage_by_route


def dashboard(_request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Unfold's DASHBOARD_CALLBACK."""
    day = usage_by_route(Event.objects.filter(time__gte=timezone.now() - timedelta(days=1)))
    context["figures"] = [
        ("Keys in use", APIKey.objects.get_usable_keys().count()),
        ("Models", RegisteredModel.objects.count()),
        ("Requests in 24 h", day["requests"]),
        ("Errors in 24 h", day["errors"]),
    ]
    return context
