"""Writes each answered request into the journal: the outermost of the three, so that refusals are there too."""

from collections.abc import Callable

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse

from keys.principal import GovernedRequest
from mcp_project.errors import in_shape
from usage.events import event_of
from usage.journal import journal

log = structlog.get_logger()


class UsageTrackingMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: GovernedRequest) -> HttpResponse:
        response = self.get_response(request)
        if not request.governed:
            return response
        response = in_shape(request, response)  # before it is counted, so that its bytes and code are the client's
        try:
            journal.append(settings.USAGE_JOURNAL_DIR, event_of(request, response))
        except OSError as error:
            log.error("usage_event_lost", error=str(error))
        return response
