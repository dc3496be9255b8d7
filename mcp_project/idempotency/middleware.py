"""The middleware that recognises repeated requests."""

from collections.abc import Callable

from django.db import Error, OperationalError, transaction
from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, resolve
from psycopg.errors import InFailedSqlTransaction

from mcp_project.database import transactions
from mcp_project.errors import DomainError, FieldError, Invalid
from mcp_project.http.call import Request
from mcp_project.http.errors import exception_response
from mcp_project.idempotency.claims import HEADER, Claim, is_kept

GetResponse = Callable[[HttpRequest], HttpResponse]


class IdempotencyMiddleware:
    """Answers a repeated POST as the first one with its Idempotency-Key was answered.

    It is the innermost middleware: a repeat is authenticated, limited and recorded like any request, and the
    transaction spans the view alone.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: Request) -> HttpResponse:
        repeatable = request.method == "POST" and request.call.governed
        if "HTTP_IDEMPOTENCY_KEY" not in request.META or not repeatable or changes_nothing(request):
            return self.get_response(request)
        try:
            require_short(request)
            claim = Claim.of(request)
            with transactions.open_transaction(
                durable=True
            ):  # within another transaction, it would not be committed before the response
                return self._once(request, claim)
        except (DomainError, Error) as error:
            if isinstance(error.__cause__, InFailedSqlTransaction):
                # The view handled an error of the database, but its transaction had failed, so nothing can be kept.
                return exception_response(request, OperationalError("the view's transaction had failed"))
            return exception_response(request, error)

    def _once(self, request: Request, claim: Claim) -> HttpResponse:
        sealed = claim.find()
        if sealed is not None:
            return claim.replay(request, sealed)
        response = self.get_response(request)
        if not is_kept(response):
            transaction.set_rollback(True)  # the repeat will be the first request
        elif response.streaming:
            claim.release()  # the stream has not been made yet
        else:
            claim.keep(request, response)
        return response


def require_short(request: Request) -> None:
    """Raises Invalid for a route with long responses: the claim's transaction would last as long, and a stream is not
    kept."""
    protocol = request.call.protocol
    if protocol is not None and protocol.long:
        raise Invalid(FieldError(HEADER, "Responses of this route are streamed or take long, and are not kept."))


def changes_nothing(request: HttpRequest) -> bool:
    """Whether the request's view only reads: then a repeat is computed again, and nothing is kept."""
    try:
        view = resolve(request.path_info).func
    except Resolver404:
        return False
    return getattr(getattr(view, "cls", None), "changes_nothing", False)
