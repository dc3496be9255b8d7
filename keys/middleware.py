"""The middlewares before every governed view: authentication, limits, and requests that are repeated."""

from collections.abc import Callable
from functools import partial
from typing import cast

from django.db import Error, OperationalError, transaction
from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, resolve
from psycopg.errors import InFailedSqlTransaction

from keys.authentication import authenticate
from keys.credentials import BEARER, CHALLENGE, credential
from keys.errors import WrongKey
from keys.idempotency import Claim, is_kept
from keys.judgement import Judgement
from keys.limits.failures import count_wrong_key, require_few_failures, require_unblocked
from keys.limits.free import TOO_MANY_FREE, admit_free, is_free
from keys.limits.headers import OUTAGE, describe, policy, refusal
from keys.limits.limiter import limiter
from keys.principal import Principal
from keys.streams import stream_watch
from mcp_project.database import transactions
from mcp_project.errors import DomainError
from mcp_project.http.bodies import require_acceptable_length
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
            principal = call.principal = self._authenticate(request)
        except (DomainError, Error) as error:
            return challenge(request, exception_response(request, error))
        call.watch = partial(stream_watch.watch, principal, call.address)
        token = transactions.judge.set(Judgement(principal, call.address))
        try:
            response = self.get_response(request)
        finally:
            transactions.judge.reset(token)
        return challenge(request, response)

    @staticmethod
    def _authenticate(request: Request) -> Principal:
        address = request.call.address
        require_unblocked(address)
        key = credential(request.META)
        try:
            return authenticate(key, address, lambda: require_few_failures(address))
        except WrongKey:
            count_wrong_key(address)
            raise


def challenge(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Set WWW-Authenticate, which every 401 has. A page's own request gets no Basic: the browser would ask its user for
    a password."""
    if response.status_code == 401:
        response["WWW-Authenticate"] = BEARER if "HTTP_SEC_FETCH_MODE" in request.META else CHALLENGE
    return response


class ThrottleMiddleware:
    """Charges the request to its key's limits, or answers 429; then refuses bodies that are too large."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: Request) -> HttpResponse:
        call = request.call
        if not call.governed:
            return self.get_response(request)
        principal = cast(Principal, call.principal)
        free = is_free(request)
        if free:
            call.measures["units"] = 0
        if free and not admit_free(request, principal.key_id):
            response = error_response(request, TOO_MANY_FREE)
            response["RateLimit-Policy"] = policy(principal.limits)
            return response
        try:
            decision = limiter.spend(principal.limits, cost=0 if free else 1)
        except DomainError as error:
            response = self._answer(request) if free else error_response(request, error)
            response["RateLimit-Policy"] = policy(principal.limits)
            response[OUTAGE] = "closed"
            return response
        response = self._answer(request) if decision.admitted or free else error_response(request, refusal(decision))
        describe(response, decision)
        return response

    def _answer(self, request: Request) -> HttpResponse:
        try:
            require_acceptable_length(request)
        except DomainError as error:
            return error_response(request, error)
        return self.get_response(request)


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


def changes_nothing(request: HttpRequest) -> bool:
    """Whether the request's view only reads: a repeat is computed again, and nothing need be kept of it."""
    try:
        view = resolve(request.path_info).func
    except Resolver404:
        return False
    return getattr(getattr(view, "cls", None), "changes_nothing", False)
