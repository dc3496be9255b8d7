"""The middlewares before every governed view: authentication and limits."""

from collections.abc import Callable
from functools import partial
from typing import cast

from django.db import Error
from django.http import HttpRequest, HttpResponse

from keys.admission import authenticated, charged
from keys.credentials import BEARER, CHALLENGE
from keys.errors import LimiterUnavailable
from keys.judgement import Judgement
from keys.limits.headers import OUTAGE, describe, policy, refusal
from keys.principal import Principal
from keys.streams import stream_watch
from mcp_project.database import transactions
from mcp_project.errors import DomainError
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
