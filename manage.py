#!/usr/bin/env python
"""Every command of the service starts here: `manage.py help` lists them."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mcp_project.settings")
    try:
        from django.core.management import execute_from_command_line
    except ModuleNotFoundError:
        sys.exit("Django is not installed for this Python: run `make install`, then .venv/bin/python manage.py")
    from django.core.exceptions import ImproperlyConfigured
    from django.db import Error
    from psycopg import Error as DriverError

    from mcp_project.database import config as database_config

    database_config.for_commands = True
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"The configuration is wrong: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
    except (Error, DriverError) as error:
        from mcp_project.database.initialise import explain

        sys.exit(explain(error))


if __name__ == "__main__":
    main()
