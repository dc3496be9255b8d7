"""System checks of the keys app."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from keys.limits.rate import Rate

RATE_SETTINGS = {
    "DEFAULT_RATE_LIMIT": "keys.E001",
    "AUTH_FAILURE_RATE": "keys.E002",
    "ADMIN_LOGIN_RATE": "keys.E003",
}


@register()
def rates_can_be_read(**_: Any) -> list[CheckMessage]:
    messages: list[CheckMessage] = []
    for name, check_id in RATE_SETTINGS.items():
        try:
            Rate.parse(getattr(settings, name))
        except ValueError as error:
            messages.append(Error(f"{name}: {error}", id=check_id))
    return messages
