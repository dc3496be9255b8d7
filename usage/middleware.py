"""Writes each answered request into the journal: the outermost of the three, so that refusals are there too."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from keys.principal import GovernedRequest
from mcp_project.errors import ApiError, in_shape
from usage.events import event_of
from usage.journal import journal


class UsageTrackingMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: GovernedRequest) -> HttpResponse:
        if not request.governed:
            return self.get_response(request)
        if journal.failure is not None and settings.USAGE_WHEN_FULL == "refuse":
            return unmetered(request)  # before anything is done that could not be recorded
        response = in_shape(request, self.get_response(request))  # so that its bytes and code are the client's
        written = journal.append(settings.USAGE_JOURNAL_DIR, event_of(request, response))
        return response if written or settings.USAGE_WHEN_FULL == "drop" else unmetered(request)


def unmetered(request: HttpRequest) -> HttpResponse:
    return ApiError("USAGE_UNAVAILABLE", headers={"Retry-After": "1"}).response(request)
