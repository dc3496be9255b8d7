"""Limits the attempts to log in to the admin by the client's address (ADMIN_LOGIN_RATE)."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse

from keys.errors import TooManyFailures
from keys.limits.failures import count_login
from mcp_project.http.call import call_of
from mcp_project.http.handlers import client_error


def limited(login: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """The login view, which answers 429 to an address that has made too many attempts."""

    @wraps(login)
    def attempt(request: HttpRequest, *arguments: Any, **named: Any) -> HttpResponse:
        if request.method == "POST":
            try:
                count_login(call_of(request).address)
            except TooManyFailures as error:
                return client_error(request, error)
        return login(request, *arguments, **named)

    return attempt


admin.site.login = limited(admin.site.login)  # type: ignore[method-assign]
