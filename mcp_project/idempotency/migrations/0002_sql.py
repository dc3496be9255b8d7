from django.db import migrations

from mcp_project.database.sql_files import run_file


class Migration(migrations.Migration):
    """The function of mcp_project/idempotency/sql/."""

    dependencies = [("idempotency", "0001_models")]

    operations = [run_file(__file__, "0001_claim.sql", "DROP FUNCTION idempotency_claim")]
