"""Base class of the apps' management commands."""

import os
import signal
import sys
from collections.abc import Sequence
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from mcp_project.database.initialise import pending_migrations, require_current_migrations


class ReadyCommand(BaseCommand):
    """A command that needs a migrated database, and otherwise ends with an error that says what to do."""

    def execute(self, *args: Any, **options: Any) -> str | None:
        if pending_migrations():
            require_current_migrations()
            raise CommandError("The database is not ready: run `manage.py init_db` first.")
        try:
            return super().execute(*args, **options)
        except BrokenPipeError:  # the reader has closed the pipe, as in `list_keys | head`
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes the rest at exit
            sys.exit(128 + signal.SIGPIPE)  # the usual status in a pipe; 0 would mean that the output is complete

    def print_table(self, rows: Sequence[Sequence[str]]) -> None:
        """Print rows in columns, the first row as the heading. Columns of numbers are right-aligned."""
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        right = [all(_is_number(text) for text in column[1:]) for column in zip(*rows, strict=True)]
        for row in rows:
            cells = zip(row, widths, right, strict=True)
            line = "  ".join(text.rjust(width) if number else text.ljust(width) for text, width, number in cells)
            self.stdout.write(line.rstrip())


def _is_number(text: str) -> bool:
    return not text or text.replace(".", "", 1).isdigit()
