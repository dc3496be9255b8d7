"""The service's settings, with the addresses of `site`."""

from mcp_project.settings import *  # noqa: F403

ROOT_URLCONF = "tests.support.site"
