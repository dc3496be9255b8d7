"""Django's middleware for the admin's pages. Requests under /api/ have no session, user or messages: they pass."""

from typing import Any

from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.utils.deprecation import MiddlewareMixin


class ForStaff(MiddlewareMixin):
    def __call__(self, request: Any) -> Any:
        return self.get_response(request) if request.governed else super().__call__(request)


class StaffSessionMiddleware(ForStaff, SessionMiddleware):
    pass


class StaffAuthenticationMiddleware(ForStaff, AuthenticationMiddleware):
    pass


class StaffMessageMiddleware(ForStaff, MessageMiddleware):
    pass
