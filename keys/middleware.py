"""The middlewares before every governed view: authentication, limits, and requests that are repeated."""

from collections.abc import Callable
from functools import partial
from typing import cast

from django.db import Error, OperationalError, transaction
from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, resolve
from psycopg.errors import InFailedSqlTransaction

from keys.authentication import WrongKey, authenticate
from keys.credentials import BEARER, credential
from keys.idempotency import Claim, is_kept
from keys.judgement import Judgement
from keys.limits.failures import check_failures, count_wrong_key, refuse_blocked
from keys.limits.free import TOO_MANY_FREE, admit_free, is_free
from keys.limits.headers import OUTAGE, describe, policy, refusal
from keys.limits.limiter import limiter
from keys.principal import Principal
from keys.streams import stream_watch
from mcp_project.database import transactions
from mcp_project.http.bodies import check_length
from mcp_project.http.call import Request
from mcp_project.http.errors import ApiError, refuse

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
        except (ApiError, Error) as error:
            return challenge(request, refuse(request, error))
        call.watch = partial(stream_watch.watch, principal, call.address)
        token = transactions.judge.set(Judgement(principal, call.address))
        try:
            response = self.get_response(request)
        finally:
            transactions.judge.reset(token)
        return challenge(request, response) if response.status_code == 401 else response

    @staticmethod
    def _authenticate(request: Request) -> Principal:
        address = request.call.address
        refuse_blocked(address)
        key = credential(request.META)
        try:
            return authenticate(key, address, lambda: check_failures(address))
        except WrongKey:
            count_wrong_key(address)
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

    def __call__(self, request: Request) -> HttpResponse:
        call = request.call
        if not call.governed:
            return self.get_response(request)
        principal = cast(Principal, call.principal)
        free = is_free(request)
        if free:
            call.measures["units"] = 0
        if free and not admit_free(request, principal.key_id):
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

    def _answer(self, request: Request) -> HttpResponse:
        wrong = check_length(request)
        return self.get_response(request) if wrong is None else refuse(request, wrong)


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
        except (ApiError, Error) as error:
            if isinstance(error.__cause__, InFailedSqlTransaction):
                # The view took an error of the database for an answer, as the limiter does; so nothing can be kept.
                return refuse(request, OperationalError("the view's transaction had failed"))
            return refuse(request, error)

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
