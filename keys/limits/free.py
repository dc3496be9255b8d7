"""Requests that cost a key nothing, so that it can read what is left when nothing is left. They have a rate of their
own, which django-ratelimit counts in each worker: a few more requests do no harm, and a query each would."""

from uuid import UUID

from django.http import HttpRequest
from django_ratelimit.core import is_ratelimited

from keys.errors import RateLimitExceeded
from mcp_project.http.rest import PREFIX

FREE_OF_CHARGE = frozenset({("GET", f"{PREFIX}keys/me"), ("HEAD", f"{PREFIX}keys/me")})
FREE_A_SECOND = 10  # for one key, in one worker

TOO_MANY_FREE = RateLimitExceeded(
    f"Requests that cost nothing are answered {FREE_A_SECOND} times a second; `Retry-After` says how long to wait.",
    retry_after=1,
)


def is_free(request: HttpRequest) -> bool:
    return (request.method, request.path_info) in FREE_OF_CHARGE


def admit_free(request: HttpRequest, key_id: UUID) -> bool:
    """Count a free request of the key. Returns False when it is one too many in this second."""
    rate = f"{FREE_A_SECOND}/s"
    return not is_ratelimited(request, group="free", key=lambda *_: key_id.hex, rate=rate, increment=True)
