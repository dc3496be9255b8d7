"""Functions that the commands on keys share."""

import json
import re
from argparse import ArgumentTypeError
from datetime import datetime, timedelta
from typing import Any, NoReturn
from uuid import UUID

from django.core.management.base import CommandError, OutputWrapper
from django.utils import timezone

from keys.limits.quota import parse_quota
from keys.limits.rate import Rate
from keys.models import APIKey
from keys.serializers.keys import KeySerializer
from mcp_project.errors import Invalid

ACTOR = "command"  # the actor of commands in the audit trail


def show_secret(out: OutputWrapper, err: OutputWrapper, row: APIKey, key: str, as_json: bool) -> None:
    """The key alone on standard output, so that KEY=$(...) works; the rest on standard error."""
    if as_json:
        out.write(json.dumps({"key": key, **KeySerializer.show(row)}, default=str))
        return
    out.write(key)
    until = f"until {row.expires_at:%Y-%m-%d %H:%M} UTC" if row.expires_at else "without end"
    err.write(f"Key {row.prefix} for {row.owner} ({', '.join(row.permissions)}), valid {until}. It is not shown again.")


def find_key(text: str) -> APIKey:
    """The key with this id or prefix. Raises CommandError."""
    try:
        condition: dict[str, Any] = {"pk": UUID(text)}
    except ValueError:
        condition = {"prefix": text.removeprefix("mcp_").partition(".")[0].encode("ascii", "replace").decode()}
    row: APIKey | None = APIKey.objects.filter(**condition).first()
    if row is None:
        shown = ascii(text.partition(".")[0][:40])  # not what stands behind the dot: it may be a secret
        raise CommandError(f"There is no key with the id or prefix {shown}; `manage.py list_keys` lists them.")
    return row


def expiry(text: str) -> datetime | None:
    """Parse `never` or a number of days. Raises CommandError for anything else."""
    if text == "never":
        return None
    match = re.fullmatch(r"([0-9]{1,5})d", text, re.ASCII)
    if match is None or int(match[1]) == 0:
        raise CommandError(f"--expires takes a number of days such as 90d, or never; not {text!r}.")
    return timezone.now() + timedelta(days=int(match[1]))


def quota(text: str) -> int:
    """The type of an option."""
    try:
        return parse_quota(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from None


def rate(text: str) -> str:
    """The type of an option."""
    try:
        Rate.parse(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from None
    return text


def explain(error: Invalid) -> NoReturn:
    """Raise CommandError with a line for each field that is wrong."""
    raise CommandError("\n".join(f"{wrong.field}: {wrong.detail}" for wrong in error.errors)) from None
