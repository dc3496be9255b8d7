from argparse import ArgumentParser
from typing import Any

from django.conf import settings

from keys.management.output import ACTOR, expiry, explain, quota, rate, show_secret
from keys.models import Permission
from keys.models.api_key import OnOutage
from keys.services import create_key
from mcp_project.errors import Invalid
from mcp_project.management.base import ReadyCommand


class Command(ReadyCommand):
    help = (
        "Create an API key. The key alone goes to standard output, the rest to standard error, so that "
        "KEY=$(manage.py create_key ...) works."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        default_rate, days = settings.DEFAULT_RATE_LIMIT, settings.KEY_DEFAULT_TTL_DAYS
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
            "--model",
            action="append",
            dest="model_patterns",
            help="a model that it may see, * for anything; repeat for several (default: all)",
        )
        parser.add_argument(
            "--allow-ip",
            action="append",
            dest="allowed_ips",
            help="an address or network that it may be used from; repeat for several (default: everywhere)",
        )
        parser.add_argument(
            "--rate", type=rate, help=f"requests a period, such as 10/s or 600/5m (default: {default_rate})"
        )
        parser.add_argument("--daily-quota", type=quota, help="requests a day, in UTC (default: no limit)")
        parser.add_argument("--monthly-quota", type=quota, help="requests a month, in UTC (default: no limit)")
        parser.add_argument(
            "--on-outage",
            default="",
            choices=OnOutage.values,
            help="while the limiter's counters are unavailable: closed refuses, open admits, local lets each worker "
            f"count its share for itself (default: {settings.THROTTLE_ON_OUTAGE})",
        )
        parser.add_argument(
            "--expires", default=f"{days}d", help=f"days to live, such as 90d, or never (default: {days}d)"
        )
        parser.add_argument("--json", action="store_true", help="print the key and all about it as JSON")

    def handle(self, *_args: Any, **options: Any) -> None:
        unchanged = ("owner", "name", "model_patterns", "allowed_ips", "daily_quota", "monthly_quota", "on_outage")
        try:
            row, key = create_key(
                ACTOR,
                permissions=options["permissions"] or [Permission.READ],
                rate_limit=options["rate"] or "",
                expires_at=expiry(options["expires"]),
                **{name: options[name] for name in unchanged},
            )
        except Invalid as error:
            explain(error)
        show_secret(self.stdout, self.stderr, row, key, options["json"])
