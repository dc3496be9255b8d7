from django.db import migrations

from mcp_project.database.sql_files import run_file


class Migration(migrations.Migration):
    """The trigger of mcp_project/audit/sql/."""

    dependencies = [("audit", "0001_models")]

    operations = [
        run_file(
            __file__,
            "0001_append_only.sql",
            """
            DROP TRIGGER audit_not_emptied ON audit_entry;
            DROP TRIGGER audit_append_only ON audit_entry;
            DROP FUNCTION audit_refuse;
            """,
        ),
    ]
