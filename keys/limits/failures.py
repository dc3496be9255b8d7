"""Addresses that send too many wrong keys."""

import ipaddress
import math
import time

from django.conf import settings
from django.http import HttpRequest
from django_ratelimit.core import get_usage

from keys.memory import Memory
from mcp_project.http.call import call_of
from mcp_project.http.errors import ApiError

MOST_ADDRESSES = 10_000
IPV6_NEIGHBOURS = 64  # bits of an IPv6 address that count: whoever has one has its whole /64, as django-ratelimit knows

# Which addresses this process refuses without any work, and until when, on time.monotonic's clock.
blocked: Memory[str, float] = Memory()


def refuse_blocked(address: str) -> None:
    """Raises ApiError 429 for an address that this process knows to be over AUTH_FAILURE_RATE, without any work. Its
    right keys are refused too: to tell them from wrong ones is the work that this is to save."""
    if len(blocked):
        until = blocked.get(_door(address))
        if until is not None:
            raise _too_many(until - time.monotonic())


def check_failures(request: HttpRequest, count: bool = False) -> None:
    """Raises ApiError 429 for an address over AUTH_FAILURE_RATE by the counter that all workers and hosts share; with
    `count`, after counting one more wrong key.

    What is no key by its checksum is never counted: it cost no query, and should not come to cost one.
    """
    seconds = _over_for(request, count)
    if seconds:
        until = time.monotonic() + seconds
        blocked.put(_door(call_of(request).address), until, until, MOST_ADDRESSES)
        raise _too_many(seconds)


def look_at_failures(request: HttpRequest) -> None:
    """As `check_failures`, and this process does not remember it: for whoever asks about an address."""
    seconds = _over_for(request, count=False)
    if seconds:
        raise _too_many(seconds)


def _over_for(request: HttpRequest, count: bool) -> int:
    """Seconds for which the address is over the rate; 0 when it is not."""
    usage = get_usage(request, group="authentication", key="ip", rate=settings.AUTH_FAILURE_RATE, increment=count)
    # django-ratelimit's window ends with the second that it names, not before it.
    return max(0, usage["time_left"]) + 1 if usage and usage["should_limit"] else 0


def _too_many(seconds: float) -> ApiError:
    return ApiError("TOO_MANY_FAILURES", headers={"Retry-After": str(max(1, math.ceil(seconds)))})


def _door(address: str) -> str:
    if ":" not in address:
        return address
    return str(ipaddress.ip_network(f"{address}/{IPV6_NEIGHBOURS}", strict=False))
