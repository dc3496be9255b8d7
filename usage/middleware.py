"""The middleware that records each answered request in the journal.

It is the outermost of the middlewares that govern requests, so that refusals are recorded, too.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, cast

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse

from mcp_project.http.call import Request
from mcp_project.http.codes import status_of
from mcp_project.http.errors import error_response, from_exception, in_shape, report
from usage.errors import UsageUnavailable
from usage.events import event_of
from usage.journal import journal
from usage.metrics import count


class UsageTrackingMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: Request) -> HttpResponse:
        if not request.call.governed:
            return self.get_response(request)
        if journal.failure is not None and settings.USAGE_WHEN_FULL == "refuse":
            return refuse_unrecorded(request)  # before the view does anything that could not be recorded
        response = in_shape(request, self.get_response(request))  # the event has the size and code that are sent
        if isinstance(response, StreamingHttpResponse):
            metered = MeteredAsyncStream if response.is_async else MeteredStream
            response.streaming_content = metered(request, response)
            return response
        event = event_of(request, response)
        written = journal.append(settings.USAGE_JOURNAL_DIR, event)
        if not written and settings.USAGE_WHEN_FULL == "refuse":
            return refuse_unrecorded(request)
        count(event)
        return response


class Metering:
    """Records the event of a streaming response when the stream is closed: after its last part, or when it is cut.

    The event has the number of bytes that the server has sent (`call.sent_bytes`), if the server counts them.
    """

    def __init__(self, request: Request, response: StreamingHttpResponse) -> None:
        self._request, self._response = request, response
        self._made_bytes = 0
        self._failure: dict[str, Any] = {}
        self._written = False

    def fail(self, error: Exception) -> None:
        """Record an error in the middle of the stream: the client got a 200, and sees that the end is missing."""
        rendered = from_exception(error)
        with structlog.contextvars.bound_contextvars(request_id=self._request.call.id):
            report(error, rendered)
        self._failure = {"status": status_of(type(rendered)), "code": rendered.code}

    def count(self, part: bytes) -> bytes:
        self._made_bytes += len(part)
        return part

    def close(self) -> None:
        if not self._written:
            self._written = True
            sent = self._request.call.sent_bytes
            sent = self._made_bytes if sent is None else sent
            event = event_of(self._request, self._response)._replace(response_bytes=sent, **self._failure)
            journal.append(settings.USAGE_JOURNAL_DIR, event)
            count(event)


class MeteredStream(Metering):
    def __init__(self, request: Request, response: StreamingHttpResponse) -> None:
        super().__init__(request, response)
        self._parts = iter(response)

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from map(self.count, self._parts)
        except Exception as error:
            self.fail(error)
            raise


class MeteredAsyncStream(Metering):
    def __init__(self, request: Request, response: StreamingHttpResponse) -> None:
        super().__init__(request, response)
        self._parts = aiter(cast(AsyncIterator[bytes], response.streaming_content))

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for part in self._parts:
                yield self.count(part)
        except Exception as error:
            self.fail(error)
            raise


def refuse_unrecorded(request: Request) -> HttpResponse:
    """Answer USAGE_UNAVAILABLE. The refusal is counted in the metrics only, since no event can be written."""
    response = error_response(request, UsageUnavailable(retry_after=1))
    count(event_of(request, response))
    return response
