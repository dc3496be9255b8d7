"""The outermost middlewares: the request id, the log line, the Host header, caching, and the shape of every error."""

import ipaddress
import re
import time
import uuid
from collections.abc import Callable

import structlog
from corsheaders.middleware import CorsMiddleware
from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse, QueryDict, StreamingHttpResponse
from django.http.request import split_domain_port
from django.http.response import HttpResponseBase
from django.utils.deprecation import MiddlewareMixin

from mcp_project.errors import DomainError, FieldError, Invalid
from mcp_project.http.bodies import require_acceptable_length
from mcp_project.http.call import ENVIRON_KEY, Call, Request, call_of
from mcp_project.http.client_address import client_address
from mcp_project.http.codes import InvalidHost
from mcp_project.http.errors import error_response, in_shape
from mcp_project.http.handlers import client_error

log = structlog.get_logger("request")

REQUEST_ID = re.compile(r"[0-9A-Za-z._:-]{1,64}", re.ASCII)
HEALTH_PATHS = frozenset({"/health", "/health/live"})
METRICS_PATH = "/metrics"
VARY = ", ".join(settings.CREDENTIAL_HEADERS)


def without_slash(path: str) -> str:
    """Paths are taken with and without a trailing slash, but for the admin's."""
    return path[:-1] if path.endswith("/") and not path.startswith("/admin/") and path != "/" else path


def host_is_ip_literal(request: HttpRequest) -> bool:
    """Whether Host is an IP address. A guard against DNS rebinding: the browser of a page whose name was rebound to
    this server sends the page's host name, never an IP address."""
    host, _ = split_domain_port(request.META.get("HTTP_HOST", ""))
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def set_caching(request: Request, response: HttpResponse) -> None:
    """Forbid shared caches to store a response, unless its view set Cache-Control. A client may store a response with
    an ETag, and revalidates it each time (304). Governed responses vary by the headers that carry a key."""
    headers = response.headers
    if "Cache-Control" not in headers:
        revalidated = "ETag" in headers and request.method in ("GET", "HEAD") and response.status_code < 400
        headers["Cache-Control"] = "private, no-cache" if revalidated else "no-store"
    if request.call.governed:
        headers["Vary"] = f"{VARY}, {headers['Vary']}" if "Vary" in headers else VARY


def nul_error(query: QueryDict) -> Invalid:
    """The error of a query with NUL characters, which PostgreSQL takes in no value."""
    names = [name for name, values in query.lists() if "\0" in name or any("\0" in value for value in values)]
    text = "A NUL character is not allowed."
    return Invalid(*(FieldError(name.replace("\0", "\\x00"), text, "null_characters_not_allowed") for name in names))


class ProtocolCorsMiddleware(CorsMiddleware):
    """Answers other origins (CORS_ALLOWED_ORIGINS) under the prefixes of the protocols alone."""

    def is_enabled(self, request: HttpRequest) -> bool:
        return call_of(request).protocol is not None


class HostMiddleware(MiddlewareMixin):
    """Refuses requests with a body that is too large, a Host that is not in ALLOWED_HOSTS or NUL in the query, sets
    Content-Length, and takes the body off responses to HEAD.

    A load balancer may call the health checks, and Prometheus the metrics, by the host's address."""

    def process_request(self, request: Request) -> HttpResponse | None:
        if request.path_info in HEALTH_PATHS or (request.path_info == METRICS_PATH and host_is_ip_literal(request)):
            return None
        try:
            require_acceptable_length(request)
            request.get_host()
        except DomainError as error:
            return error_response(request, error)
        except DisallowedHost:
            return error_response(request, InvalidHost())
        if "%00" in request.META.get("QUERY_STRING", ""):
            return client_error(request, nul_error(request.GET))
        return None

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if isinstance(response, HttpResponse) and not response.has_header("Content-Length"):
            response.headers["Content-Length"] = str(len(response.content))
        if request.method == "HEAD" and isinstance(response, HttpResponse):
            response.content = b""  # which has left its Content-Length
        elif request.method == "HEAD" and isinstance(response, StreamingHttpResponse):
            response.streaming_content = ()
        return response


class RequestContextMiddleware:
    """Gives the request its id (a valid X-Request-ID, else a new one), takes a path with and without a trailing
    slash, and logs one line. Paths are logged without their query, which may hold anything."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: Request) -> HttpResponse:
        requested_id = request.META.get("HTTP_X_REQUEST_ID", "")
        call_id = requested_id if REQUEST_ID.fullmatch(requested_id) else uuid.uuid4().hex
        path = request.path_info = without_slash(request.path_info)
        call = request.call = request.META[ENVIRON_KEY] = Call(call_id, client_address(request.META), path)

        structlog.contextvars.bind_contextvars(request_id=call_id)
        try:
            response = in_shape(request, self.get_response(request))
            response.headers["X-Request-ID"] = call_id
            set_caching(request, response)
            self._log(request, call, response)
        finally:
            structlog.contextvars.clear_contextvars()
        return response

    @staticmethod
    def _log(request: Request, call: Call, response: HttpResponse) -> None:
        log.info(
            "request",
            method=request.method,
            path=request.path,
            protocol=call.protocol.name if call.protocol else None,
            status=response.status_code,
            duration_ms=round((time.perf_counter_ns() - call.started_ns) / 1e6, 2),
            client=call.address,
            key=call.principal.prefix if call.principal else None,
        )
