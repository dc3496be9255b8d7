"""A report that is requested more than two seconds after a response includes it."""

import time
from collections import Counter
from typing import Any

import pytest

from tests.support.recorded_load import Load, missing, rows_of_report, until_drained
from tests.support.server import Server, until

pytestmark = pytest.mark.wire


def test_reports_hold_what_was_answered_two_seconds_before(server: Server, db: Any) -> None:
    in_time = 0
    with Load([server], pause=0.1), server.client(server.key) as admin:  # a page holds 1000 events at most
        for _ in range(3):
            with Load([server], pause=0.1) as load:  # with keys of its own, so that its refusals can be identified
                load.goes_on(40)
            late_enough = time.monotonic() + 2
            until(lambda moment=late_enough: time.monotonic() > moment, "two seconds have passed")  # type: ignore[misc]
            events = admin.get("/api/usage/events?limit=1000").json()

            assert {answer.status for answer in load.received.values()} >= {200, 401, 429}
            assert events["next"] is None, "it is the whole ledger"
            if missing(load.received, rows_of_report(events)):  # a busy machine may let the flusher wait
                until_drained(server, load)
                continue
            in_time += 1
            for key_id, answers in Counter(answer.key_id for answer in load.received.values()).items():
                if key_id is not None:
                    report = admin.get("/api/usage", params={"key": key_id}).json()
                    assert report["total"]["requests"] == answers, "of served requests, or of refusals"
    assert in_time > 0
