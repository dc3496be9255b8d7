from django.db import migrations

from mcp_project.database.sql_files import run_file


class Migration(migrations.Migration):
    """Constraints, triggers and generated columns, from registry/sql/."""

    dependencies = [("registry", "0001_models")]

    operations = [
        run_file(
            __file__,
            "0001_words.sql",
            """
            ALTER TABLE registry_registeredmodel DROP COLUMN words;
            ALTER TABLE registry_context DROP COLUMN words;
            ALTER TABLE registry_deployment DROP COLUMN words;
            """,
        ),
        run_file(
            __file__,
            "0001_cascades.sql",
            """
            ALTER TABLE registry_modelversion DROP CONSTRAINT registry_modelversion_model_id;
            ALTER TABLE registry_modelaliasmove DROP CONSTRAINT registry_modelaliasmove_model_id;
            ALTER TABLE registry_parent DROP CONSTRAINT registry_parent_version_id;
            ALTER TABLE registry_parent DROP CONSTRAINT registry_parent_parent_id;
            ALTER TABLE registry_contextversion DROP CONSTRAINT registry_contextversion_context_id;
            ALTER TABLE registry_contextaliasmove DROP CONSTRAINT registry_contextaliasmove_context_id;
            ALTER TABLE registry_deploymenttarget DROP CONSTRAINT registry_deploymenttarget_deployment_id;
            ALTER TABLE registry_deploymentrevision DROP CONSTRAINT registry_revision_deployment;
            """,
        ),
        run_file(
            __file__,
            "0001_revisions.sql",
            """
            DROP TRIGGER registry_revision_not_emptied ON registry_deploymentrevision;
            DROP TRIGGER registry_revision_immutable ON registry_deploymentrevision;
            DROP FUNCTION registry_revision_refuse;
            """,
        ),
    ]
