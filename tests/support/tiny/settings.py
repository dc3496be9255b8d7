"""The service's settings, with one more line for the protocol, and the limits that its rows name."""

from mcp_project.settings import *  # noqa: F403
from mcp_project.settings import PROTOCOLS as OWN

PROTOCOLS = [*OWN, "tests.support.tiny.TINY", "tests.support.tiny.TERSE"]
TINY_MAX_BODY_BYTES = 1000
TINY_MAX_UPLOAD_BYTES = 3 << 20  # more than MAX_BODY_BYTES
