"""The errors of metering, with their codes."""

from mcp_project.errors import Unavailable


class UsageUnavailable(Unavailable):
    code = "USAGE_UNAVAILABLE"
    meaning = "The request cannot be recorded, and `USAGE_WHEN_FULL` is `refuse`. Try again later."
