"""The background task that deletes kept responses which are too old."""

import structlog
from django.db import connection

from mcp_project.idempotency.claims import KEPT
from mcp_project.serving.periodic import Periodic

log = structlog.get_logger()

BATCH = 1000
SWEEP = """
DELETE FROM idempotency_keptresponse WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM idempotency_keptresponse WHERE made_at <= clock_timestamp() - %s::interval
    ORDER BY made_at LIMIT %s FOR UPDATE SKIP LOCKED
))
"""
SWEEP_BYTES = "DELETE FROM idempotency_keptbytes WHERE hour <= clock_timestamp() - %s::interval"


class Sweeper(Periodic):
    """Deletes responses older than KEPT. Each worker runs it; the first one to come does the work."""

    name = "idempotency_sweep"
    seconds = 60.0

    def act(self, last: bool) -> None:
        if last:
            return
        swept = batch = sweep()
        while batch == BATCH and not self._stopping.is_set():
            batch = sweep()
            swept += batch
        if swept:
            log.info("idempotency_swept", answers=swept)


def sweep() -> int:
    """Delete at most BATCH responses. Returns how many were deleted."""
    with connection.cursor() as cursor:
        cursor.execute(SWEEP_BYTES, [KEPT])
        cursor.execute(SWEEP, [KEPT, BATCH])
        return int(cursor.rowcount)


sweeper = Sweeper()
