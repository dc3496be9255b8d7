"""Django's middleware for the admin's pages. Governed requests have no session, user or messages: they pass."""

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
OF_A_QUERY = (FieldDoesNotExist, FieldError, ValidationError, ValueError, OverflowError, TypeError, DataError)
WITHOUT_QUERY = {ERROR_FLAG: "1"}  # which tells staff that something was wrong


class ForStaff(MiddlewareMixin):
    def __call__(self, request: Any) -> Any:
        return self.get_response(request) if request.call.governed else super().__call__(request)


class StaffSessionMiddleware(ForStaff, SessionMiddleware):
    pass


class StaffAuthenticationMiddleware(ForStaff, AuthenticationMiddleware):
    pass


class StaffMessageMiddleware(ForStaff, MessageMiddleware):
    """Also redirects from a page that its query breaks to the page without the query. Django does so itself where it
    knows a lookup to be wrong; other wrong values of filters fail only in Python or in the database."""

    def process_exception(self, request: Any, error: Exception) -> HttpResponse | None:
        has_query = bool(request.GET) and request.GET.dict() != WITHOUT_QUERY
        if is_for_staff(request) and isinstance(error, OF_A_QUERY) and has_query:
            log.warning("admin_query_refused", path=request.path, error=type(error).__name__)
            return HttpResponseRedirect(f"{request.path}?{ERROR_FLAG}=1")
        return None
