"""The errors of metering that clients can tell apart by their codes."""

from mcp_project.errors import Unavailable


class UsageUnavailable(Unavailable):
    code = "USAGE_UNAVAILABLE"
    meaning = "Requests cannot be recorded (`USAGE_WHEN_FULL`); try again."
