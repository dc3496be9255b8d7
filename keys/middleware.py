"""Who calls, how much, and whether it was done before: the middlewares that stand before every view under /api/."""

from collections.abc import Callable
from functools import partial

from django.conf import settings
from django.db import Error, OperationalError, transaction
from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, resolve
from psycopg.errors import InFailedSqlTransaction

from keys.authentication import WrongKey, authenticate
from keys.credentials import BEARER, credential
from keys.idempotency import Claim, is_kept
from keys.judgement import Judgement
from keys.limits.failures import check_failures, refuse_blocked
from keys.limits.free import TOO_MANY_FREE, free_requests, is_free
from keys.limits.headers import OUTAGE, describe, policy, refusal
from keys.limits.limiter import limiter
from keys.principal import GovernedRequest, Principal
from keys.streams import stream_watch
from mcp_project.database import transactions
from mcp_project.http.client_address import client_address
from mcp_project.http.errors import ApiError, refuse

GetResponse = Callable[[HttpRequest], HttpResponse]


class APIKeyMiddleware:
    """Finds the request's principal, or answers 401; or 429, to an address that sent too many wrong keys."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: GovernedRequest) -> HttpResponse:
        if not request.governed:
            return self.get_response(request)
        request.principal = None
        try:
            request.principal = self._authenticate(request)
        except (ApiError, Error) as error:
            return challenge(request, refuse(request, error))
        address = client_address(request)
        token = transactions.judge.set(Judgement(request.principal, address))
        try:
            response = self.get_response(request)
        finally:
            transactions.judge.reset(token)
        if response.streaming:  # for the server: mcp_project.serving
            response.watch = partial(stream_watch.watch, request.principal, address)  # type: ignore[attr-defined]
        return challenge(request, response) if response.status_code == 401 else response

    @staticmethod
    def _authenticate(request: GovernedRequest) -> Principal:
        refuse_blocked(request)
        key = credential(request.META)
        try:
            return authenticate(key, client_address(request), lambda: check_failures(request))
        except WrongKey:
            check_failures(request, count=True)
            raise


def challenge(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """A browser that is told of Basic asks its user for a password, in the middle of a page's own request."""
    if "WWW-Authenticate" in response and "HTTP_SEC_FETCH_MODE" in request.META:
        response["WWW-Authenticate"] = BEARER
    return response


class ThrottleMiddleware:
    """Charges the request to its key's limits, or answers 429; then refuses bodies that are too large."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: GovernedRequest) -> HttpResponse:
        principal = request.principal if request.governed else None
        if principal is None:
            return self.get_response(request)
        free = is_free(request)
        if free and not free_requests.admit(principal.key_id):
            response = TOO_MANY_FREE.response(request)
            response["RateLimit-Policy"] = policy(principal.limits)
            return response
        try:
            decision = limiter.spend(principal.limits, cost=0 if free else 1)
        except ApiError as error:
            response = self._answer(request) if free else refuse(request, error)
            response["RateLimit-Policy"] = policy(principal.limits)
            response[OUTAGE] = "closed"
            return response
        response = self._answer(request) if decision.admitted or free else refusal(decision).response(request)
        describe(response, decision)
        return response

    def _answer(self, request: GovernedRequest) -> HttpResponse:
        wrong = check_length(request)
        return self.get_response(request) if wrong is None else refuse(request, wrong)


class IdempotencyMiddleware:
    """Answers a repeated POST as the first one with its Idempotency-Key was answered. Innermost: a repeat is
    authenticated, limited and recorded as any request, and its transaction spans the view alone."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: GovernedRequest) -> HttpResponse:
        repeatable = request.method == "POST" and request.governed
        if "HTTP_IDEMPOTENCY_KEY" not in request.META or not repeatable or changes_nothing(request):
            return self.get_response(request)
        try:
            claim = Claim.of(request)
            with transactions.open_transaction(durable=True):  # inside another, its end would not be the answer's
                return self._once(request, claim)
        except (ApiError, Error) as error:
            if isinstance(error.__cause__, InFailedSqlTransaction):
                # The view took an error of the database for an answer, as the limiter does; so nothing can be kept.
                return refuse(request, OperationalError("the view's transaction had failed"))
            return refuse(request, error)

    def _once(self, request: GovernedRequest, claim: Claim) -> HttpResponse:
        answer = claim.find()
        if answer is not None:
            return claim.replay(request, answer)
        response = self.get_response(request)
        if not is_kept(response):
            transaction.set_rollback(True)  # as if it had not come: the repeat is the first
        elif response.streaming:
            claim.release()  # it is not made yet
        else:
            claim.keep(request, response)
        return response


def changes_nothing(request: HttpRequest) -> bool:
    """Whether the request's view only reads: a repeat is computed again, and nothing need be kept of it."""
    try:
        view = resolve(request.path_info).func
    except Resolver404:
        return False
    return getattr(getattr(view, "cls", None), "changes_nothing", False)


def check_length(request: HttpRequest) -> ApiError | None:
    """What is wrong with the body, before a byte of it is read: 413 when it is too large, and 411 when it comes in
    chunks, which Django would read as empty."""
    length = request.META.get("CONTENT_LENGTH") or ""
    if not length and request.META.get("HTTP_TRANSFER_ENCODING"):
        return ApiError("LENGTH_REQUIRED", "Send the body with a Content-Length; chunked bodies are not taken.")
    if length and not (length.isascii() and length.isdigit()):
        return ApiError("BAD_REQUEST", "Content-Length is not a number.")
    if len(length) > 18 or int(length or 0) > settings.MAX_BODY_BYTES:
        return ApiError("PAYLOAD_TOO_LARGE", f"The body is over {settings.MAX_BODY_BYTES} bytes.")
    return None
