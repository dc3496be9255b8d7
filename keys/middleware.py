"""The middlewares before every governed view: authentication, limits, and requests that are repeated."""

from collections.abc import Callable
from functools import partial
from typing import cast

from django.db import Error, OperationalError, transaction
from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, resolve
from psycopg.errors import InFailedSqlTransaction

from keys.admission import authenticated, charged
from keys.credentials import BEARER, CHALLENGE
from keys.errors import LimiterUnavailable
from keys.idempotency import HEADER, Claim, is_kept
from keys.judgement import Judgement
from keys.limits.headers import OUTAGE, describe, policy, refusal
from keys.principal import Principal
from keys.streams import stream_watch
from mcp_project.database import transactions
from mcp_project.errors import DomainError, FieldError, Invalid
from mcp_project.http.call import Request
from mcp_project.http.errors import error_response, exception_response

GetResponse = Callable[[HttpRequest], HttpResponse]


class APIKeyMiddleware:
    """Finds the request's principal, or answers 401; or 429, to an address that sent too many wrong keys."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: Request) -> HttpResponse:
        call = request.call
        if not call.governed:
            return self.get_response(request)
        try:
            principal = call.principal = authenticated(request)
        except (DomainError, Error) as error:
            return challenge(request, exception_response(request, error))
        call.watch = partial(stream_watch.watch, principal, call.address)
        token = transactions.judge.set(Judgement(principal, call.address))
        try:
            response = self.get_response(request)
        finally:
            transactions.judge.reset(token)
        return challenge(request, response)


def challenge(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Set WWW-Authenticate, which every 401 has. A page's own request gets no Basic: the browser would ask its user for
    a password."""
    if response.status_code == 401:
        response["WWW-Authenticate"] = BEARER if "HTTP_SEC_FETCH_MODE" in request.META else CHALLENGE
    return response


class ThrottleMiddleware:
    """Charges the request to its key's limits, or answers 429."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: Request) -> HttpResponse:
        call = request.call
        if not call.governed:
            return self.get_response(request)
        principal = cast(Principal, call.principal)
        try:
            decision = charged(request, principal)
        except DomainError as error:
            response = error_response(request, error)
            response["RateLimit-Policy"] = policy(principal.limits)
            if isinstance(error, LimiterUnavailable):
                response[OUTAGE] = "closed"
            return response
        if decision.admitted or not decision.cost:
            response = self.get_response(request)
        else:
            response = error_response(request, refusal(decision))
        describe(response, decision)
        return response


class IdempotencyMiddleware:
    """Answers a repeated POST as the first one with its Idempotency-Key was answered. Innermost: a repeat is
    authenticated, limited and recorded as any request, and its transaction spans the view alone."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: Request) -> HttpResponse:
        repeatable = request.method == "POST" and request.call.governed
        if "HTTP_IDEMPOTENCY_KEY" not in request.META or not repeatable or changes_nothing(request):
            return self.get_response(request)
        try:
            require_short(request)
            claim = Claim.of(request)
            with transactions.open_transaction(durable=True):  # inside another, its end would not be the answer's
                return self._once(request, claim)
        except (DomainError, Error) as error:
            if isinstance(error.__cause__, InFailedSqlTransaction):
                # The view took an error of the database for an answer, as the limiter does; so nothing can be kept.
                return exception_response(request, OperationalError("the view's transaction had failed"))
            return exception_response(request, error)

    def _once(self, request: Request, claim: Claim) -> HttpResponse:
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


def require_short(request: Request) -> None:
    """Raises Invalid for a route with long responses: the transaction of the claim would last as long, and a stream is
    not kept."""
    protocol = request.call.protocol
    if protocol is not None and protocol.long:
        raise Invalid(FieldError(HEADER, "Responses of this route are streamed or take long, and are not kept."))


def changes_nothing(request: HttpRequest) -> bool:
    """Whether the request's view only reads: a repeat is computed again, and nothing need be kept of it."""
    try:
        view = resolve(request.path_info).func
    except Resolver404:
        return False
    return getattr(getattr(view, "cls", None), "changes_nothing", False)
