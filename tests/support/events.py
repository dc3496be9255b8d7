"""Putting events into the ledger, by way of a journal as the service does."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from usage.drain import drain
from usage.events import Event
from usage.journal import Journal

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


def event(moment: datetime = NOON, **fields: Any) -> Event:
    usual: dict[str, Any] = {
        "request_id": "r", "key_id": None, "owner": "ann", "method": "GET", "route": "model-list", "status": 200,
        "code": "", "duration_us": 1000, "request_bytes": 10, "response_bytes": 100, "client": "10.0.0.1",
    }  # fmt: skip
    return Event(time=moment.timestamp(), **(usual | fields))


def record(folder: Path, *events: Event) -> Path:
    """The journal, drained; its writer is gone."""
    journal = Journal()
    for each in events:
        assert journal.append(folder, each)
    path = journal.path
    assert path is not None
    journal.retire()
    drain(path)
    return path
