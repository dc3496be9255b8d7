"""Writes each answered request into the journal: the outermost of the three, so that refusals are there too."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from keys.principal import GovernedRequest
from mcp_project.errors import ApiError, in_shape
from usage.events import event_of
from usage.journal import journal
from usage.metrics import count


class UsageTrackingMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: GovernedRequest) -> HttpResponse:
        if not request.governed:
            return self.get_response(request)
        if journal.failure is not None and settings.USAGE_WHEN_FULL == "refuse":
            return unmetered(request)  # before anything is done that could not be recorded
        response = in_shape(request, self.get_response(request))  # so that its bytes and code are the client's
        event = event_of(request, response)
        written = journal.append(settings.USAGE_JOURNAL_DIR, event)
        if not written and settings.USAGE_WHEN_FULL == "refuse":
            return unmetered(request)
        count(event)
        return response


def unmetered(request: GovernedRequest) -> HttpResponse:
    response = ApiError("USAGE_UNAVAILABLE", headers={"Retry-After": "1"}).response(request)
    count(event_of(request, response))  # which is all that will tell of it
    return response
