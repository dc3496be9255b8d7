from typing import Any

from django.core.management.base import BaseCommand

from mcp_project.database.initialise import initialise


class Command(BaseCommand):
    help = "Create the PostgreSQL database when it does not exist, and migrate it. Hosts may run it at the same time."

    def handle(self, *_args: Any, **options: Any) -> None:
        initialise(verbosity=options["verbosity"])
        self.stderr.write(self.style.SUCCESS("The database is ready."))
