"""A usage event: one answered request."""

import time
from typing import NamedTuple, cast

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import Resolver404, resolve

from keys.principal import Principal
from mcp_project.http.bodies import is_accepted
from mcp_project.http.call import Request

UNMATCHED = "unmatched"  # the route of a path that leads nowhere: never the path itself, which anyone can make up
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
OTHER = "other"  # every other method, of which anyone can make up as many
REFUSALS = {401, 429}  # of whoever has no right, or none left


class Event(NamedTuple):
    """In the order of the journal's line and of the ledger's COPY."""

    time: float  # seconds since 1970, when the answer was ready
    request_id: str
    key_id: str | None
    owner: str
    method: str
    route: str  # the URL pattern's name
    status: int
    code: str  # the error's code; empty for an answer without error
    duration_us: int
    request_bytes: int
    response_bytes: int
    client: str | None  # None where addresses are not recorded
    units: int = 1  # what the answer is worth: 0 for a refusal and for a request that is free
    model_id: str | None = None  # of a model that exists and that the key may see
    times: int = 1  # how many answers alike it stands for; last, where the journal writes over it

    @property
    def alike(self) -> tuple[object, ...] | None:
        """What answers have in common that may be one event; None for those that each are one of their own. Whatever
        can be sent without a right, or with none left, is folded: else it could fill the disk. The client chooses
        path, method and sizes, and could make any number of events by them, so those do not tell answers apart."""
        preflight = self.key_id is None and self.method == "OPTIONS"  # which takes no key, and gets an answer
        if self.units and self.status not in REFUSALS and not preflight:
            return None
        return (self.key_id or self.client, self.status, self.code)


def event_of(request: Request, response: HttpResponseBase) -> Event:
    """The event of a governed request: what its call says, and the size and status of the response."""
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
        request_bytes=int(length) if is_accepted(length, request.path_info) else 0,
        response_bytes=len(response.content) if isinstance(response, HttpResponse) else 0,
        client=call.address if settings.USAGE_CLIENT_ADDRESS else None,
        units=0 if response.status_code in REFUSALS else call.measures.get("units", 1),
        model_id=None if model_id is None else str(model_id),
    )


def route_of(request: HttpRequest) -> str:
    match = request.resolver_match
    if match is None:  # refused before Django looked
        try:
            match = resolve(request.path_info)
        except Resolver404:
            return UNMATCHED
    return match.view_name or UNMATCHED
