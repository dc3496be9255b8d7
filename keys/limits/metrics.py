"""Counters of the limiter, shown by `GET /metrics`."""

from prometheus_client import Counter

from mcp_project.serving.metrics import counted

_errors = Counter(
    "mcp_limiter_errors",
    "Times that the limiter's store did not decide: it could not be reached (store_lost), or gave no verdict for one "
    "request (undecided).",
    ["kind"],
    registry=counted,
)
# Made at import, so that both are 0 before the first error: an alert sees no increase in a series that begins at 1.
store_lost = _errors.labels("store_lost")
undecided = _errors.labels("undecided")
