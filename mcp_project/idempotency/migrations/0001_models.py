from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="KeptBytes",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "account_id", "hour", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("account_id", models.UUIDField()),
                ("hour", models.DateTimeField()),
                ("bytes", models.BigIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name="KeptResponse",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "caller_id", "idempotency_key", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("caller_id", models.UUIDField()),
                ("idempotency_key", models.CharField(max_length=255)),
                ("request_digest", models.BinaryField()),
                ("response", models.BinaryField()),
                ("made_at", models.DateTimeField(db_index=True)),
            ],
        ),
    ]
