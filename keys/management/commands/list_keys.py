import json
from argparse import ArgumentParser
from typing import Any

from keys.models import APIKey
from keys.models.api_key import STATUSES
from keys.serializers.keys import KeySerializer
from mcp_project.management.base import ReadyCommand

COLUMNS = ("prefix", "status", "owner", "name", "permissions", "expires", "last used", "id")


class Command(ReadyCommand):
    help = "List API keys, newest first."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--owner", help="only this owner's")
        parser.add_argument("--status", choices=STATUSES, help="only with this status")
        parser.add_argument("--json", action="store_true", help="print a line of JSON a key")

    def handle(self, *_args: Any, **options: Any) -> None:
        keys = APIKey.objects.all()
        if options["owner"]:
            keys = keys.filter(owner=options["owner"])
        if options["status"]:
            keys = keys.filter(APIKey.objects.status_is(options["status"]))
        if options["json"]:
            for key in keys.iterator():
                self.stdout.write(json.dumps(KeySerializer.show(key), default=str))
            return
        rows = [COLUMNS, *(row_of(key) for key in keys.iterator())]
        self.print_table(rows)


def row_of(key: APIKey) -> tuple[str, ...]:
    expires, used = (f"{moment:%Y-%m-%d %H:%M}" if moment else "never" for moment in (key.expires_at, key.last_used_at))
    return (key.prefix, key.status, key.owner, key.name, ",".join(key.permissions), expires, used, str(key.pk))
