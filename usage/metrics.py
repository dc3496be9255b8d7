"""The Prometheus metrics of answered requests."""

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

# Caches of the labelled metrics: prometheus_client's look-up by labels takes longer than the increment itself.
_response_metrics: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
_refusal_metrics: dict[str, Counter] = {}


def count(event: Event) -> None:
    """Count a response. Never raises: a new series is left out if it cannot be stored (see _log_full)."""
    labels = (event.route, event.method, event.status)
    try:
        requests, durations = _response_metrics.get(labels) or _add_response_metrics(*labels)
        requests.inc()
        durations.observe(event.duration_us / 1e6)
        if event.status in REFUSALS:
            (_refusal_metrics.get(event.code) or _add_refusal_metric(event.code)).inc()
    except OSError as error:
        _log_full(str(error))


@cache
def _log_full(error: str) -> None:
    """Log that metrics cannot be stored: once for each error, instead of at every request."""
    log.error("metrics_full", error=error)


def _add_response_metrics(route: str, method: str, status: int) -> tuple[Counter, Histogram]:
    metrics = (_requests.labels(route, method, status), _durations.labels(route))
    _response_metrics[route, method, status] = metrics
    return metrics


def _add_refusal_metric(code: str) -> Counter:
    metric = _refusal_metrics[code] = _refusals.labels(code)
    return metric
