"""The service's settings for tests in process, and what makes those fast. Servers that tests start read the service's
own: `tests.support.server`."""

from mcp_project.database.config import database_from_environment
from mcp_project.settings import *  # noqa: F403
from mcp_project.settings import BASE_DIR, DATABASE_POOL_SIZE, EMBEDDED_DATABASE

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # the default takes 0.1 s for each log-in

# A process remembers a key for a second. A machine may stop for longer between two requests of a test, which count
# queries or change rows behind the memory; tests of forgetting set this themselves.
KEY_CACHE_SECONDS = 3600.0

if EMBEDDED_DATABASE:
    # A cluster of the tests' own, which may lose its data in a crash: tests.support.databases.
    EMBEDDED_POSTGRES_DIR = BASE_DIR / "var" / "tests" / "postgres"
    DATABASES = {"default": database_from_environment(EMBEDDED_POSTGRES_DIR, DATABASE_POOL_SIZE)}
