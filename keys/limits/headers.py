"""The response headers that describe limits.

`RateLimit-Policy` and `RateLimit` are the structured fields of draft-ietf-httpapi-ratelimit-headers-10: for each limit
its quota and window, what remains, and the seconds until it is full again. The older `X-RateLimit-*` headers describe
one limit only: the one that is nearest to refusing.
"""

import time

from django.http import HttpResponse

from keys.errors import QuotaExceeded, RateLimitExceeded
from keys.limits.decision import Decision, Limits, whole_seconds
from keys.limits.periods import DAY_SECONDS, month_seconds
from mcp_project.errors import Limited

OUTAGE = "X-RateLimit-Outage"
MOST = 999_999_999_999_999  # that a structured field's integer may be (RFC 9651, section 3.3.1)


def refusal(decision: Decision) -> Limited:
    """The error of a decision that refuses. `retry_after` is how long to wait; None where waiting does not help."""
    limit = decision.refused_by
    error = RateLimitExceeded if limit.name == "rate_limit" else QuotaExceeded
    if limit.wait is None:
        return error(f"The key's {limit.name} of {limit.limit} does not hold so much: waiting does not help.")
    detail = f"The key's {limit.name} of {limit.limit} is used up; `Retry-After` says for how many seconds."
    return error(detail, retry_after=whole_seconds(limit.wait))


def describe(response: HttpResponse, decision: Decision) -> None:
    """Put the decision into the answer's headers."""
    headers = response.headers
    headers["RateLimit-Policy"] = policy(decision.limits)
    if decision.outage:
        headers[OUTAGE] = decision.outage
    standings = decision.standings
    if not standings:  # the store is unavailable
        return
    shown = [(limit, str(limit.remaining), str(whole_seconds(limit.reset))) for limit in standings]
    headers["RateLimit"] = ", ".join(
        [f'"{limit.name}";r={min(limit.remaining, MOST)};t={reset}' for limit, _, reset in shown]
    )
    tightest, remaining, reset = shown[standings.index(decision.tightest)] if len(shown) > 1 else shown[0]
    headers["X-RateLimit-Limit"] = str(tightest.limit)
    headers["X-RateLimit-Remaining"] = remaining
    headers["X-RateLimit-Reset"] = reset


def policy(limits: Limits) -> str:
    policies = [f'"rate_limit";q={limits.rate.limit};w={limits.rate.period}']
    if limits.daily_quota is not None:
        policies.append(f'"daily_quota";q={min(limits.daily_quota, MOST)};w={DAY_SECONDS}')
    if limits.monthly_quota is not None:
        window = month_seconds(time.time_ns() // 1000)
        policies.append(f'"monthly_quota";q={min(limits.monthly_quota, MOST)};w={window}')
    return ", ".join(policies)
