"""Free requests: they cost a key nothing, so that it can read its limits when they are used up.

They have a rate of their own, which django-ratelimit counts in each worker: an exact count would take a query each.
"""

from uuid import UUID

from django.http import HttpRequest
from django_ratelimit.core import is_ratelimited

from keys.errors import RateLimitExceeded
from mcp_project.http.rest import PREFIX

FREE_OF_CHARGE = frozenset({("GET", f"{PREFIX}keys/me"), ("HEAD", f"{PREFIX}keys/me")})
FREE_A_SECOND = 10  # for one key, in one worker

TOO_MANY_FREE = (
    f"Requests that cost nothing are answered {FREE_A_SECOND} times a second; `Retry-After` says how long to wait."
)


def is_free(request: HttpRequest) -> bool:
    return (request.method, request.path_info) in FREE_OF_CHARGE


def count_free(request: HttpRequest, key_id: UUID) -> None:
    """Count a free request of the key. Raises RateLimitExceeded when it is one too many in this second."""
    rate = f"{FREE_A_SECOND}/s"
    if is_ratelimited(request, group="free", key=lambda *_: key_id.hex, rate=rate, increment=True):
        raise RateLimitExceeded(TOO_MANY_FREE, retry_after=1)
