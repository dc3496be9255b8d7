from typing import Any

from django.core.management.base import CommandError
from django.db import OperationalError

from mcp_project.management.base import ReadyCommand
from usage.partitions import database_day, existing, maintain


class Command(ReadyCommand):
    help = (
        "Make the ledger's partitions ahead of need, and drop those past USAGE_RETENTION_DAYS; roll-ups stay. "
        "The service does so by itself: this is for a service that stands still, or for a scheduler."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        try:
            made, dropped = maintain(database_day())
        except OperationalError as error:
            raise CommandError(f"The ledger is busy, try again: {' '.join(str(error).split())}") from None
        for word, days in (("Made", made), ("Dropped", dropped)):
            for day in days:
                self.stdout.write(f"{word} the partition of {day}.")
        kept = existing()
        self.stdout.write(f"The ledger has {len(kept)} partitions, from {kept[0]} to {kept[-1]}.")
