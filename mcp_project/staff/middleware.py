"""Django's sessions, users and messages for the admin's pages. Governed requests have none and skip them."""

from typing import Any

import structlog
from django.contrib.admin.views.main import ERROR_FLAG
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.exceptions import FieldDoesNotExist, FieldError, ValidationError
from django.db import DataError
from django.http import HttpResponse, HttpResponseRedirect
from django.utils.deprecation import MiddlewareMixin

from mcp_project.http.errors import is_for_staff

log = structlog.get_logger()
QUERY_ERRORS = (FieldDoesNotExist, FieldError, ValidationError, ValueError, OverflowError, TypeError, DataError)
ERROR_QUERY = {ERROR_FLAG: "1"}  # Django's query string of a list that reports an error


class SkipGovernedMiddleware(MiddlewareMixin):
    def __call__(self, request: Any) -> Any:
        return self.get_response(request) if request.call.governed else super().__call__(request)


class StaffSessionMiddleware(SkipGovernedMiddleware, SessionMiddleware):
    pass


class StaffAuthenticationMiddleware(SkipGovernedMiddleware, AuthenticationMiddleware):
    pass


class StaffMessageMiddleware(SkipGovernedMiddleware, MessageMiddleware):
    """Adds messages, and redirects from a page that fails by its query string to the same page without it.

    Django redirects itself if a lookup is invalid, but some values of filters fail later, in Python or the database.
    """

    def process_exception(self, request: Any, error: Exception) -> HttpResponse | None:
        has_query = bool(request.GET) and request.GET.dict() != ERROR_QUERY
        if is_for_staff(request) and isinstance(error, QUERY_ERRORS) and has_query:
            log.warning("admin_query_refused", path=request.path, error=type(error).__name__)
            return HttpResponseRedirect(f"{request.path}?{ERROR_FLAG}=1")
        return None
