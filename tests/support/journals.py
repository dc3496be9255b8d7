"""Journals of usage events, before they are drained into the ledger."""

from pathlib import Path

from usage.events import Event
from usage.journal import Journal
from usage.models import Event as EventRow


def event(number: int) -> Event:
    return Event(
        time=1_700_000_000.5 + number,
        request_id=f"request-{number}",
        key_id=None,
        owner="owner",
        method="GET",
        route="model-list",
        status=200,
        code="",
        duration_us=5,
        request_bytes=0,
        response_bytes=2,
        client="::1",
    )


def recorded() -> list[str]:
    return list(EventRow.objects.order_by("pk").values_list("request_id", flat=True))


def write(folder: Path, *numbers: int) -> tuple[Journal, Path]:
    journal = Journal()
    for number in numbers:
        journal.append(folder, event(number))
    assert journal.path is not None
    return journal, journal.path
