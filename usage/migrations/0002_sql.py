from django.db import migrations, models

from mcp_project.database.sql_files import run_file

EVENT = migrations.CreateModel(
    name="Event",
    fields=[
        ("key_id", models.UUIDField(null=True)),
        ("owner", models.CharField(max_length=100)),
        ("method", models.CharField(max_length=16)),
        ("route", models.CharField(max_length=100)),
        ("model_id", models.UUIDField(null=True)),
        ("status", models.PositiveSmallIntegerField()),
        ("code", models.CharField(max_length=64)),
        ("id", models.BigAutoField(primary_key=True, serialize=False)),
        ("time", models.DateTimeField()),
        ("request_id", models.CharField(max_length=64)),
        ("duration_us", models.BigIntegerField()),
        ("request_bytes", models.BigIntegerField()),
        ("response_bytes", models.BigIntegerField()),
        ("client", models.GenericIPAddressField(null=True)),
        ("units", models.PositiveIntegerField()),
        ("count", models.PositiveIntegerField(default=1)),
        ("journal", models.IntegerField(null=True)),
        ("line", models.IntegerField(null=True)),
    ],
    options={
        "ordering": ("-time", "-id"),
        "indexes": [
            models.Index(fields=["key_id", "time", "id"], name="usage_event_key"),
            models.Index(fields=["request_id"], name="usage_event_request"),
        ],
    },
)


class Migration(migrations.Migration):
    """Indexes, from usage/sql/."""

    dependencies = [("usage", "0001_models")]

    operations = [run_file(__file__, "0001_events.sql", "DROP TABLE usage_event", [EVENT])]
