from django.db import migrations, models

import keys.models.api_key


class Migration(migrations.Migration):
    """Quotas are counted, in a logged table, and a key says what becomes of it while its counters are away. The bucket
    is one timestamp of a pool: who was admitted is now the answer of a function, not a column."""

    dependencies = [("keys", "0004_audit_is_append_only")]

    operations = [
        migrations.CreateModel(
            name="Quota",
            fields=[
                ("pool_id", models.UUIDField(primary_key=True, serialize=False)),
                ("day", models.IntegerField()),
                ("day_used", models.BigIntegerField()),
                ("month", models.IntegerField()),
                ("month_used", models.BigIntegerField()),
            ],
        ),
        migrations.RunSQL(
            "ALTER TABLE keys_quota SET (fillfactor = 50);", "ALTER TABLE keys_quota RESET (fillfactor);"
        ),
        migrations.RenameField("bucket", "key_id", "pool_id"),
        migrations.RemoveField("bucket", "admitted"),
        migrations.RemoveField("bucket", "seen_at"),
        migrations.RunSQL(migrations.RunSQL.noop, "TRUNCATE keys_bucket;"),  # the columns have no default to go back to
        migrations.AddField(
            "apikey",
            "on_outage",
            models.CharField(
                blank=True,
                choices=[("closed", "Closed"), ("open", "Open"), ("local", "Local")],
                default="",
                max_length=8,
            ),
        ),
        migrations.AlterField(
            "apikey",
            "daily_quota",
            models.BigIntegerField(blank=True, null=True, validators=[keys.models.api_key.validate_quota]),
        ),
        migrations.AlterField(
            "apikey",
            "monthly_quota",
            models.BigIntegerField(blank=True, null=True, validators=[keys.models.api_key.validate_quota]),
        ),
    ]
