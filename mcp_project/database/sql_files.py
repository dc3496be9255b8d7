"""SQL that migrations run from files.

Functions, triggers and tables that Django cannot describe stand in `<app>/sql/`, one file a topic: the current text.
Migrations run numbered copies, in `<app>/migrations/sql/`, so that a change adds a copy and a migration and leaves the
earlier ones as they ran. A test compares the current text with what the migrations made.
"""

from collections.abc import Sequence
from pathlib import Path

from django.db.migrations import RunSQL
from django.db.migrations.operations.base import Operation


def run_file(migration: str, name: str, undo: str, state_operations: Sequence[Operation] = ()) -> RunSQL:
    """Run the file `name` of the folder `sql` beside a migration, which passes its `__file__`; `undo` reverses it."""
    return RunSQL((Path(migration).parent / "sql" / name).read_text(), undo, state_operations)
