from typing import Any

from django.core.management.base import CommandError
from django.db import OperationalError

from mcp_project.management.base import ReadyCommand
from usage.partitions import database_day, existing, maintain


class Command(ReadyCommand):
    help = (
        "Make the ledger's partitions for the next days and drop those past USAGE_RETENTION_DAYS; roll-ups stay. "
        "The running service does this itself. The command is for a stopped service, or for a scheduler."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        try:
            made, dropped = maintain(database_day())
        except OperationalError as error:
            raise CommandError(f"The ledger is busy: {' '.join(str(error).split())}. Try again.") from None
        for verb, days in (("Made", made), ("Dropped", dropped)):
            for day in days:
                self.stdout.write(f"{verb} the partition of {day}.")
        partitions = existing()
        self.stdout.write(f"The ledger has {len(partitions)} partitions, from {partitions[0]} to {partitions[-1]}.")
