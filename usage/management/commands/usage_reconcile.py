from typing import Any

from django.conf import settings
from django.core.management.base import CommandError

from mcp_project.management.base import ReadyCommand
from usage.reconcile import Books, JournalBook, reconcile

COLUMNS = ("journal", "drained in its file", "drained", "dropped", "expired", "in the ledger", "waiting")


class Command(ReadyCommand):
    help = (
        "Check that the books balance: the journals' lines = the ledger's rows = the sums of the roll-ups, for each "
        "journal and in total. Prints every difference and then ends with status 1. The service may run; lines that "
        "wait to be drained are no difference. --verbosity 0 leaves out the table of journals."
    )

    def handle(self, *_args: Any, **options: Any) -> None:
        books = reconcile(settings.USAGE_JOURNAL_DIR)
        if options["verbosity"] > 0 and books.journals:
            self.print_table([COLUMNS, *map(_row, books.journals)])
        self._print_total(books)
        for difference in books.differences:
            self.stdout.write(difference)
        if books.differences:
            raise CommandError(f"The books do not balance; differences: {len(books.differences)}.")
        self.stdout.write("The books balance.")

    def _print_total(self, books: Books) -> None:
        self.stdout.write(
            f"In total: {len(books.journals)} journals, {books.events} events for {books.requests} requests, "
            f"{books.rolled_up} requests in the roll-ups; {books.waiting} lines wait to be drained."
        )
        if books.expired:
            self.stdout.write(f"The roll-ups also have {books.expired} earlier requests, whose events were dropped.")


def _row(book: JournalBook) -> tuple[str, ...]:
    row, file = book.row, book.file
    in_file, waiting = (str(file.lines), str(file.waiting)) if file else ("", "")
    return (row.name, in_file, str(row.lines), str(row.dropped), str(row.expired), str(book.ledger.rows), waiting)
