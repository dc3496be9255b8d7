"""Who calls, and how much: the two middlewares that stand before every view under /api/."""

from collections.abc import Callable

from django.conf import settings
from django.db import Error
from django.http import HttpRequest, HttpResponse
from django_ratelimit.core import get_usage

from keys.authentication import WrongKey, authenticate, credential
from keys.limits.buckets import Decision, spend
from keys.principal import GovernedRequest
from mcp_project.errors import ApiError, refuse

GetResponse = Callable[[HttpRequest], HttpResponse]


class APIKeyMiddleware:
    """Finds the request's principal, or answers 401."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: GovernedRequest) -> HttpResponse:
        if request.governed:
            request.principal = None
            try:
                request.principal = authenticate(credential(request.META))
            except WrongKey as error:
                return refuse(request, self._count(request, error))
            except (ApiError, Error) as error:
                return refuse(request, error)
        return self.get_response(request)

    @staticmethod
    def _count(request: GovernedRequest, wrong: WrongKey) -> Exception:
        """Count the key against its address; above AUTH_FAILURE_RATE the answer is 429 instead of 401. What is no
        key by its checksum is not counted: it cost no query, and should not come to cost one."""
        try:
            usage = get_usage(
                request, group="authentication", key="ip", rate=settings.AUTH_FAILURE_RATE, increment=True
            )
        except Error as error:
            return error
        if usage and usage["should_limit"]:
            return ApiError("TOO_MANY_FAILURES", headers={"Retry-After": str(max(1, usage["time_left"]))})
        return wrong


class ThrottleMiddleware:
    """Charges the request to its key's bucket, or answers 429; before that, refuses bodies that are too large."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: GovernedRequest) -> HttpResponse:
        if not request.governed or request.principal is None:
            return self.get_response(request)
        try:
            check_length(request)
            decision = spend(request.principal.key_id, request.principal.rate)
        except (ApiError, Error) as error:
            return refuse(request, error)
        if decision.admitted:
            response = self.get_response(request)
        else:
            headers = {"Retry-After": str(max(1, decision.retry_after))}
            response = ApiError("RATE_LIMIT_EXCEEDED", headers=headers).response(request)
        _describe(response, decision)
        return response


def check_length(request: HttpRequest) -> None:
    """Raises ApiError before a byte of the body is read: 413 when it is too large, and 411 when it comes in chunks,
    which Django would read as empty."""
    length = request.META.get("CONTENT_LENGTH") or ""
    if not length and request.META.get("HTTP_TRANSFER_ENCODING"):
        raise ApiError("LENGTH_REQUIRED", "Send the body with a Content-Length; chunked bodies are not taken.")
    if length and not (length.isascii() and length.isdigit()):
        raise ApiError("BAD_REQUEST", "Content-Length is not a number.")
    if len(length) > 18 or int(length or 0) > settings.MAX_BODY_BYTES:
        raise ApiError("PAYLOAD_TOO_LARGE", f"The body is over {settings.MAX_BODY_BYTES} bytes.")


def _describe(response: HttpResponse, decision: Decision) -> None:
    response["X-RateLimit-Limit"] = str(decision.limit)
    response["X-RateLimit-Remaining"] = str(decision.remaining)
    response["X-RateLimit-Reset"] = str(decision.reset)
