"""Addresses that send too many wrong keys."""

import math
import time

from django.conf import settings
from django.db import Error
from django.http import HttpRequest
from django_ratelimit.core import get_usage

from keys.memory import Memory
from mcp_project.client_address import client_address
from mcp_project.errors import ApiError

MOST_ADDRESSES = 10_000

# Which addresses this process refuses without any work, and until when, on time.monotonic's clock.
blocked: Memory[str, float] = Memory()


def refuse_blocked(request: HttpRequest) -> None:
    """Raises ApiError 429 for an address that `count_failure` has found over AUTH_FAILURE_RATE. Its right keys are
    refused too: to tell them from wrong ones is the work that this is to save."""
    if not len(blocked):
        return
    until = blocked.get(client_address(request))
    if until is not None:
        raise too_many(until - time.monotonic())


def count_failure(request: HttpRequest, wrong: ApiError) -> Exception:
    """Count a wrong key against its address, in the counter that all workers and hosts share; the answer to give.

    What is no key by its checksum is never counted: it cost no query, and should not come to cost one.
    """
    try:
        usage = get_usage(request, group="authentication", key="ip", rate=settings.AUTH_FAILURE_RATE, increment=True)
    except Error as error:
        return error
    if not usage or not usage["should_limit"]:
        return wrong
    seconds = max(1, usage["time_left"])
    until = time.monotonic() + seconds
    blocked.put(client_address(request), until, until, MOST_ADDRESSES)
    return too_many(seconds)


def too_many(seconds: float) -> ApiError:
    return ApiError("TOO_MANY_FAILURES", headers={"Retry-After": str(max(1, math.ceil(seconds)))})
