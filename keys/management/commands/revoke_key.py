from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from keys.management.output import ACTOR, find_key
from keys.revocation import revoke_key, revoke_keys_of
from mcp_project.management.base import ReadyCommand


class Command(ReadyCommand):
    help = "Revoke a key, or every key of an owner. Final."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("key", nargs="?", help="the key's id or prefix")
        parser.add_argument("--owner", help="revoke all keys of this owner instead, all or none")

    def handle(self, *_args: Any, **options: Any) -> None:
        if bool(options["key"]) == bool(options["owner"]):
            raise CommandError("Name either a key, by its id or prefix, or an --owner.")
        if options["owner"]:
            self.stderr.write(f"{revoke_keys_of(ACTOR, options['owner'])} keys of {options['owner']} are revoked.")
            return
        row = revoke_key(ACTOR, find_key(options["key"]).pk)
        self.stderr.write(
            f"Key {row.prefix} ({row.name}) of {row.owner} is revoked since {row.revoked_at:%Y-%m-%d %H:%M} UTC."
        )
