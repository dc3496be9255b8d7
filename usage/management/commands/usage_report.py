import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from rest_framework.exceptions import ValidationError
from rest_framework.utils.encoders import JSONEncoder

from mcp_project.errors import Invalid
from mcp_project.http.csv_response import csv_chunks
from mcp_project.http.errors import from_exception
from mcp_project.management.base import ReadyCommand
from registry.models import RegisteredModel
from usage.lag import journal_lag
from usage.queries import GROUPS, ReportQuery, conditions, period_of
from usage.reports import Group, Report

CONDITIONS = ("key", "owner", "model", "route", "method", "status", "code")


class Command(ReadyCommand):
    help = "Report the usage of a period, by default the last 24 hours, as GET /api/usage does for an admin key."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--from", help="a time such as 2026-01-31T12:00:00Z, or a day (24 hours before --to)")
        parser.add_argument("--to", help="a time or a day, not included (now)")
        parser.add_argument("--time-zone", help="the time zone of days (UTC), and of times without an offset")
        parser.add_argument("--group-by", default="route", help=f"{', '.join(GROUPS)}; separated by commas (route)")
        for name in CONDITIONS:
            by = " (its id)" if name == "key" else " (its id or name)" if name == "model" else ""
            parser.add_argument(f"--{name}", help=f"only requests with this {name}{by}")
        parser.add_argument(
            "--format", choices=("table", "csv", "json"), default="table", help="the form of the output (table)"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        names = ("from", "to", "time_zone", "group_by", *CONDITIONS)
        data = {name: options[name] for name in names if options[name] is not None}
        serializer = ReportQuery(data=data, context={"models": RegisteredModel.objects})
        try:
            serializer.is_valid(raise_exception=True)
            query = serializer.validated_data
            report = Report(period_of(query), query.get("group_by") or (), conditions(query, "series__"))
        except (ValidationError, Invalid) as error:
            lines = (f"--{wrong.field.replace('_', '-')}: {wrong.detail}" for wrong in from_exception(error).errors)
            raise CommandError("\n".join(lines).replace("`time_zone`", "--time-zone")) from None
        getattr(self, f"_print_{options['format']}")(report)
        self._print_waiting()

    def _print_table(self, report: Report) -> None:
        rows = [[_text(group[column]) for column in report.columns] for group in report.groups()]
        start, end = (f"{moment.astimezone(report.period.zone):%Y-%m-%d %H:%M}" for moment in report.period[:2])
        self.stdout.write(f"Usage from {start} to {end}, {report.period.zone.key}")
        if report.group_by:
            total: Group = dict.fromkeys(report.columns) | report.total
            rows.append([_text(total[column]) for column in report.columns])
            rows[-1][0] = "total"
        self.print_table([report.columns, *rows])

    def _print_csv(self, report: Report) -> None:
        for chunk in csv_chunks(report.columns, report.groups()):
            self.stdout.write(chunk, ending="")

    def _print_json(self, report: Report) -> None:
        self.stdout.write(json.dumps(report.document(sys.maxsize - 1), cls=JSONEncoder))

    def _print_waiting(self) -> None:
        """Print how many events of this host's journals the report lacks."""
        journal_lag.waiting_bytes(settings.USAGE_JOURNAL_DIR)
        waiting = [family.samples[0].value for family in journal_lag.collect()][:1]
        if any(waiting):
            self.stderr.write(
                f"{waiting[0]:.0f} more events of this host are not counted yet; the service counts them when it runs."
            )


def _text(value: Any) -> str:
    return "" if value is None else value.isoformat() if hasattr(value, "isoformat") else str(value)
