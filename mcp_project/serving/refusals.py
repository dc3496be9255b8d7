"""Counts the requests that the event loop refuses. The application never sees them, so the ledger lacks them."""

import structlog
from prometheus_client import Counter

from mcp_project.serving.metrics import counted
from mcp_project.serving.responses import Refusal

log = structlog.get_logger("serving")

_refused = Counter(
    "mcp_http_refused",
    "Requests that the server refused before the application saw them, so that they are not in the ledger.",
    ["reason"],
    registry=counted,
)


def count_refusal(refusal: Refusal, client: str, request_id: str) -> None:
    _refused.labels(refusal.reason).inc()
    log.info("refused", reason=refusal.reason, status=refusal.status, client=client, request_id=request_id)
