"""Writes each answered request into the journal: the outermost of the three, so that refusals are there too."""

from collections.abc import Callable, Iterator
from typing import Any

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse

from keys.principal import GovernedRequest
from mcp_project.errors import ApiError, from_exception, in_shape, report
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
        if isinstance(response, StreamingHttpResponse):
            response.streaming_content = MeteredStream(request, response)
            return response
        event = event_of(request, response)
        written = journal.append(settings.USAGE_JOURNAL_DIR, event)
        if not written and settings.USAGE_WHEN_FULL == "refuse":
            return unmetered(request)
        count(event)
        return response


class MeteredStream:
    """The parts of an answer that is sent while it is made. Its event is written when the last part is gone, before the
    client is told that it was the last, or when the client goes away."""

    def __init__(self, request: GovernedRequest, response: StreamingHttpResponse) -> None:
        self._request, self._response = request, response
        self._parts = iter(response)
        self._sent = 0
        self._failure: dict[str, Any] = {}
        self._written = False

    def __iter__(self) -> Iterator[bytes]:
        try:
            for part in self._parts:
                self._sent += len(part)
                yield part
        except Exception as error:  # the client has been told 200, and will see that the end is missing
            answer = from_exception(error)
            with structlog.contextvars.bound_contextvars(request_id=self._request.request_id):
                report(error, answer)
            self._failure = {"status": answer.status_code, "code": answer.code}
            raise
        finally:
            self.close()

    def close(self) -> None:
        if not self._written:
            self._written = True
            event = event_of(self._request, self._response)._replace(response_bytes=self._sent, **self._failure)
            journal.append(settings.USAGE_JOURNAL_DIR, event)
            count(event)


def unmetered(request: GovernedRequest) -> HttpResponse:
    response = ApiError("USAGE_UNAVAILABLE", headers={"Retry-After": "1"}).response(request)
    count(event_of(request, response))  # which is all that will tell of it
    return response
