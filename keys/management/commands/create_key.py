import json
import re
from argparse import ArgumentParser
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from keys.models import Permission
from keys.serializers import KeySerializer
from keys.services import create_key
from mcp_project.database import pending_migrations


class Command(BaseCommand):
    help = (
        "Create an API key. The key alone goes to standard output, the rest to standard error, so that "
        "KEY=$(manage.py create_key ...) works."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--owner", required=True, help="the person, team or service that the key is for")
        parser.add_argument("--name", required=True, help="what the key is for")
        parser.add_argument(
            "--permission",
            action="append",
            choices=Permission.values,
            dest="permissions",
            help="what it may do; repeat for several (default: read). admin includes the others",
        )
        parser.add_argument(
            "--rate",
            default="",
            help=f"requests a period, such as 10/s or 600/5m (default: {settings.DEFAULT_RATE_LIMIT})",
        )
        parser.add_argument(
            "--expires",
            default=f"{settings.KEY_DEFAULT_TTL_DAYS}d",
            help=f"days to live, such as 90d, or never (default: {settings.KEY_DEFAULT_TTL_DAYS}d)",
        )
        parser.add_argument("--json", action="store_true", help="print the key and all about it as JSON")

    def handle(self, *_args: Any, **options: Any) -> None:
        if pending_migrations():
            raise CommandError("The database is not ready: run `manage.py init_db` first.")
        try:
            row, key = create_key(
                "command",
                owner=options["owner"],
                name=options["name"],
                permissions=sorted(set(options["permissions"] or [Permission.READ])),
                rate_limit=options["rate"],
                expires_at=expiry(options["expires"]),
            )
        except ValidationError as error:
            sentences = [f"{name}: {' '.join(messages)}" for name, messages in error.message_dict.items()]
            raise CommandError("\n".join(sentences)) from None
        if options["json"]:
            self.stdout.write(json.dumps({"key": key, **KeySerializer(row).data}, default=str))
            return
        self.stdout.write(key)
        until = f"until {row.expires_at:%Y-%m-%d %H:%M} UTC" if row.expires_at else "without end"
        self.stderr.write(
            f"Key {row.prefix} for {row.owner} ({', '.join(row.permissions)}), valid {until}. It is not shown again."
        )


def expiry(text: str) -> datetime | None:
    """Raises CommandError for what is neither `never` nor a number of days."""
    if text == "never":
        return None
    match = re.fullmatch(r"([0-9]{1,5})d", text, re.ASCII)
    if match is None or int(match[1]) == 0:
        raise CommandError(f"--expires takes a number of days such as 90d, or never; not {text!r}.")
    return timezone.now() + timedelta(days=int(match[1]))
