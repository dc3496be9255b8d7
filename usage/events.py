"""A usage event: the record of one answered request."""

import time
from typing import NamedTuple, cast

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import Resolver404, resolve

from keys.principal import Principal
from mcp_project.http.bodies import is_accepted
from mcp_project.http.call import Request

# Clients choose paths and methods freely. Unknown ones share one name, so that they cannot create series without limit.
UNMATCHED = "unmatched"  # the route of a path that no URL pattern matches
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
OTHER = "other"  # any method that is not in METHODS
REFUSALS = {401, 429}  # statuses of requests without a valid key, or over a limit: they consume nothing


class Event(NamedTuple):
    """One answered request, or several identical refusals. The fields' order is that of a journal's line."""

    time: float  # seconds since 1970, when the response was ready
    request_id: str
    key_id: str | None
    owner: str
    method: str
    route: str  # the URL pattern's name
    status: int
    code: str  # the error's code; empty if there was no error
    duration_us: int
    request_bytes: int
    response_bytes: int
    client: str | None  # the client's address; None if USAGE_CLIENT_ADDRESS is off
    units: int = 1  # charged to the key: 0 for a refusal and for a request that is free
    model_id: str | None = None  # set if the request is about a model that exists and that the key may see
    requests: int = 1  # how many identical refusals this stands for; last, because the journal overwrites it in place

    @property
    def fold_key(self) -> tuple[object, ...] | None:
        """Events with the same key within journal.FOLD_SECONDS are folded into one. None: this event is never folded.

        Requests that cost the client nothing are folded, because otherwise they could fill the disk: refusals, free
        requests, and preflights. Path, method and sizes are not part of the key, because the client chooses them.
        """
        preflight = self.key_id is None and self.method == "OPTIONS"  # served without a key
        if self.units and self.status not in REFUSALS and not preflight:
            return None
        return (self.key_id or self.client, self.status, self.code)


def event_of(request: Request, response: HttpResponseBase) -> Event:
    """Make the event of a governed request from its call and the status and size of its response."""
    call = request.call
    principal = cast(Principal | None, call.principal)
    length = request.META.get("CONTENT_LENGTH") or "0"
    model_id = call.subject.get("model")
    return Event(
        time=time.time(),
        request_id=call.id,
        key_id=str(principal.key_id) if principal else None,
        owner=principal.owner if principal else "",
        method=request.method if request.method in METHODS else OTHER,
        route=route_of(request),
        status=response.status_code,
        code=call.error_code or "",
        duration_us=(time.perf_counter_ns() - call.started_ns) // 1000,
        request_bytes=int(length) if is_accepted(length, call.protocol) else 0,
        response_bytes=len(response.content) if isinstance(response, HttpResponse) else 0,
        client=call.address if settings.USAGE_CLIENT_ADDRESS else None,
        units=0 if response.status_code in REFUSALS else call.measures.get("units", 1),
        model_id=None if model_id is None else str(model_id),
    )


def route_of(request: HttpRequest) -> str:
    """Return the name of the URL pattern that matches the request, or UNMATCHED."""
    match = request.resolver_match
    if match is None:  # a middleware refused the request before Django resolved its path
        try:
            match = resolve(request.path_info)
        except Resolver404:
            return UNMATCHED
    return match.view_name or UNMATCHED
