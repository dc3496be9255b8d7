import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from tqdm import tqdm

from mcp_project.management.base import ReadyCommand
from registry.transfer.exporter import export_registry
from registry.transfer.files import to_file


class Command(ReadyCommand):
    help = (
        "Write the whole registry as it is at this moment, with its history, as lines of JSON for registry_import: "
        "models, versions, lineage, aliases, contexts, deployments, revisions, and the audit trail of them. The "
        "service may go on meanwhile. It holds all that the registry holds: keep it as you keep the database."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--output", type=Path, metavar="FILE", help="which appears when all is written; gzip for .gz (stdout)"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        path: Path | None = options["output"]
        try:
            if path is None:
                self._export(sys.stdout.buffer)
                sys.stdout.buffer.flush()
            else:
                with to_file(path) as file:
                    lines = self._export(file)
                self.stdout.write(f"Wrote {lines} lines to {path}.")
        except BrokenPipeError:
            raise  # ReadyCommand knows what to do
        except OSError as error:
            raise CommandError(f"{path or 'stdout'}: {error.strerror}") from None

    def _export(self, file: Any) -> int:
        lines = 0
        with tqdm(unit=" lines", disable=None) as bar:  # None: unless stderr is a terminal
            for bar.total in export_registry(file):
                lines += 1
                bar.update()
        return lines
