"""What is counted of each answered request, beside its event."""

from functools import cache

import structlog
from prometheus_client import Counter, Histogram

from mcp_project.serving.metrics import counted
from usage.events import REFUSALS, Event

log = structlog.get_logger()

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

_requests = Counter(
    "mcp_requests", "Answered requests under /api/.", ["route", "method", "status"], registry=counted
)  # fmt: skip
_durations = Histogram(
    "mcp_request_duration_seconds",
    "From a request's arrival at the service to its answer.",
    ["route"],
    buckets=BUCKETS,
    registry=counted,
)
_refusals = Counter(
    "mcp_refusals", "Requests refused with 401 or 429, by the error's code.", ["code"], registry=counted
)
events_lost = Counter(
    "mcp_usage_events_lost", "Usage events that could not be written to a journal.", registry=counted
)  # fmt: skip

# To find a series by its labels is slower than to count in it, so each is found once.
_of_answers: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
_of_refusals: dict[str, Counter] = {}


def count(event: Event) -> None:
    """Count an answer. Never raises: where there is no room for a series that is new, it is left out."""
    labels = (event.route, event.method, event.status)
    try:
        requests, durations = _of_answers.get(labels) or _begin_answers(*labels)
        requests.inc()
        durations.observe(event.duration_us / 1e6)
        if event.status in REFUSALS:
            (_of_refusals.get(event.code) or _begin_refusals(event.code)).inc()
    except OSError as error:
        _tell_full(str(error))


@cache
def _tell_full(error: str) -> None:
    """Once, not once a request."""
    log.error("metrics_full", error=error)


def _begin_answers(route: str, method: str, status: int) -> tuple[Counter, Histogram]:
    both = (_requests.labels(route, method, status), _durations.labels(route))
    _of_answers[route, method, status] = both
    return both


def _begin_refusals(code: str) -> Counter:
    refusals = _of_refusals[code] = _refusals.labels(code)
    return refusals
