"""What the apps' commands share."""

import os
import signal
import sys
from collections.abc import Sequence
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from mcp_project.database.initialise import pending_migrations, refuse_former_migrations


class ReadyCommand(BaseCommand):
    """A command that needs the tables, and ends with a sentence when the database lacks them."""

    def execute(self, *args: Any, **options: Any) -> str | None:
        if pending_migrations():
            refuse_former_migrations()
            raise CommandError("The database is not ready: run `manage.py init_db` first.")
        try:
            return super().execute(*args, **options)
        except BrokenPipeError:  # as of `list_keys | head`; what Python has left to flush goes nowhere
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(128 + signal.SIGPIPE)  # as any program in a pipe; 0 would say that it came to its end

    def print_table(self, rows: Sequence[Sequence[str]]) -> None:
        """The first row is the heading. Columns that hold numbers alone stand to the right."""
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        right = [all(_is_number(text) for text in column[1:]) for column in zip(*rows, strict=True)]
        for row in rows:
            cells = zip(row, widths, right, strict=True)
            line = "  ".join(text.rjust(width) if number else text.ljust(width) for text, width, number in cells)
            self.stdout.write(line.rstrip())


def _is_number(text: str) -> bool:
    return not text or text.replace(".", "", 1).isdigit()
