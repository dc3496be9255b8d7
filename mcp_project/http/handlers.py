"""Django's own error handlers: the shape for every client, HTML for staff under /admin/."""

import sys

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from mcp_project.errors import DomainError
from mcp_project.http.call import call_of
from mcp_project.http.codes import status_of
from mcp_project.http.errors import error_response, from_exception, is_for_staff, report


def client_error(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler400, handler403 and handler404."""
    return _response(request, from_exception(exception))


def server_error(request: HttpRequest) -> HttpResponse:
    return _response(request, from_exception(sys.exc_info()[1]))


def report_uncaught(**_signal: object) -> None:
    """Receiver of got_request_exception: what a middleware or the admin let through is logged once, here."""
    error = sys.exc_info()[1]
    if error is not None:
        report(error, from_exception(error))


def _response(request: HttpRequest, error: DomainError) -> HttpResponse:
    if not is_for_staff(request):
        return error_response(request, error)
    status = status_of(type(error))
    context = {"status": status, "detail": error.detail, "request_id": call_of(request).id}
    response = render(None, "error.html", context, status=status)
    if error.retry_after is not None:
        response["Retry-After"] = str(error.retry_after)
    return response
