from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from keys.management.output import ACTOR, find_key, show_secret
from keys.serializers.keys import LONGEST_OVERLAP
from keys.services import rotate_key
from mcp_project.errors import DomainError
from mcp_project.management.base import ReadyCommand


class Command(ReadyCommand):
    help = (
        "Make a successor of a key: a new secret with the same rights and limits. The secret alone goes to standard "
        "output, the rest to standard error."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("key", help="the key's id or prefix")
        parser.add_argument(
            "--overlap", type=int, default=0, help="seconds for which the old secret goes on working (default: 0)"
        )
        parser.add_argument("--json", action="store_true", help="print the key and all about it as JSON")

    def handle(self, *_args: Any, **options: Any) -> None:
        if not 0 <= options["overlap"] <= LONGEST_OVERLAP:
            raise CommandError(f"--overlap is from 0 to {LONGEST_OVERLAP} seconds.")
        try:
            row, key = rotate_key(ACTOR, find_key(options["key"]).pk, options["overlap"])
        except DomainError as error:
            raise CommandError(error.detail) from None
        show_secret(self.stdout, self.stderr, row, key, options["json"])
