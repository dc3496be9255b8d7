from django.db import migrations

from mcp_project.database.sql_files import run_file


class Migration(migrations.Migration):
    """Functions and storage parameters, from keys/sql/."""

    dependencies = [("keys", "0001_tables")]

    operations = [
        run_file(
            __file__,
            "0001_storage.sql",
            """
            ALTER TABLE keys_bucket SET LOGGED;
            ALTER TABLE keys_bucket RESET (fillfactor);
            ALTER TABLE keys_quota RESET (fillfactor);
            """,
        ),
        run_file(__file__, "0001_periods.sql", "DROP FUNCTION keys_periods"),
        run_file(__file__, "0001_spend.sql", "DROP FUNCTION keys_spend"),
    ]
