from argparse import ArgumentParser
from collections import Counter
from itertools import chain
from typing import Any

from django.core.management.base import CommandError
from django.db import InterfaceError, OperationalError
from tqdm import tqdm

from mcp_project.database.initialise import explain
from mcp_project.management.base import ReadyCommand
from registry.transfer import Unreadable
from registry.transfer.files import from_file
from registry.transfer.importer import import_registry

AGAIN = "What was imported stays, and the same command goes on from there."


class Command(ReadyCommand):
    help = (
        "Read what registry_export wrote into this database, with its ids, numbers and times. What is there already is "
        "skipped where it is the same, so an import that was broken off is begun again with the same command; what is "
        "there and differs, and a name that something else has, is an error. A file that is not whole is not read."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="- for stdin")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            self._import(options["file"])
        except Unreadable as error:
            raise CommandError(str(error)) from None
        except OSError as error:
            raise CommandError(f"{options['file']}: {error.strerror}") from None
        except (OperationalError, InterfaceError) as error:
            raise CommandError(f"{explain(error)} {AGAIN}") from None
        except KeyboardInterrupt:
            raise CommandError(f"Stopped. {AGAIN}", returncode=130) from None

    def _import(self, name: str) -> None:
        written: Counter[str] = Counter()
        there: Counter[str] = Counter()
        with from_file(name) as (file, lines), tqdm(total=lines - 2, unit=" lines", disable=None) as bar:
            for outcome in chain.from_iterable(import_registry(file)):
                written[outcome.kind] += outcome.written
                there[outcome.kind] += outcome.there
                bar.update(outcome.written + outcome.there)
        rows = [(kind, str(written[kind]), str(there[kind])) for kind in written]
        self.print_table([("kind", "imported", "there already"), *rows])
