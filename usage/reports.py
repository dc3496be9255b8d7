"""What the ledger says."""

from typing import Any

from django.db.models import Q, QuerySet, Sum

from keys.models import Permission
from keys.principal import Principal
from usage.models import Event

ERRORS = Q(status__gte=400)


def visible_events(principal: Principal) -> QuerySet[Event]:
    """An admin key sees every event, another its own."""
    events = Event.objects.all()
    return events if principal.may(Permission.ADMIN) else events.filter(key_id=principal.key_id)


def usage_by_route(events: QuerySet[Event]) -> dict[str, Any]:
    """Requests and errors, for each route and in all."""
    routes = list(
        events.values("route", "method")
        .annotate(requests=Sum("count"), errors=Sum("count", filter=ERRORS, default=0))
        .order_by("route", "method")
    )
    return {
        "requests": sum(row["requests"] for row in routes),
        "errors": sum(row["errors"] for row in routes),
        "routes": routes,
    }
