"""The settings of the service's role in its database: see settings.DATABASE_ROLE_SETTINGS."""

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import ProgrammingError, connection
from psycopg import sql

STORED = """
SELECT unnest(setconfig) FROM pg_db_role_setting
WHERE setrole = (SELECT oid FROM pg_roles WHERE rolname = %s)
AND setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


def missing_role_settings() -> dict[str, str]:
    """The settings of the role that the database lacks, or has with another value."""
    with connection.cursor() as cursor:
        cursor.execute(STORED, [_role()])
        stored = dict(setting.split("=", 1) for (setting,) in cursor.fetchall())
    return {name: value for name, value in settings.DATABASE_ROLE_SETTINGS.items() if stored.get(name) != value}


def store_role_settings() -> None:
    """Raises ImproperlyConfigured, with the statements to run, when this command's user may not change them."""
    statements = [_statement(name, value) for name, value in missing_role_settings().items()]
    try:
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
    except ProgrammingError as error:
        raise ImproperlyConfigured(
            f"The time limits of role {_role()} cannot be stored in the database ({' '.join(str(error).split())}): "
            f"run as a superuser: {' '.join(statements)}"
        ) from error


def _role() -> str:
    if settings.DATABASE_ROLE:
        return str(settings.DATABASE_ROLE)
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        return str(cursor.fetchone()[0])


def _statement(name: str, value: str) -> str:
    return (
        sql.SQL("ALTER ROLE {} IN DATABASE {} SET {} TO {};")
        .format(
            sql.Identifier(_role()),
            sql.Identifier(connection.settings_dict["NAME"]),
            sql.Identifier(name),
            sql.Literal(value),
        )
        .as_string(None)
    )
