import django.db.models.deletion
from django.db import migrations, models

import usage.models


class Migration(migrations.Migration):
    dependencies = [
        ("usage", "0002_count"),
    ]

    operations = [
        migrations.CreateModel(
            name="Series",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("key_id", models.UUIDField(null=True)),
                ("owner", models.CharField(max_length=100)),
                ("method", models.CharField(max_length=16)),
                ("route", models.CharField(max_length=100)),
                ("model_id", models.UUIDField(null=True)),
                ("status", models.PositiveSmallIntegerField()),
                ("code", models.CharField(max_length=64)),
            ],
            options={"indexes": [models.Index(fields=["key_id"], name="usage_series_key")]},
        ),
        migrations.CreateModel(
            name="HourlyUsage",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "hour", "series", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("hour", models.DateTimeField()),
                ("series", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="usage.series")),
                ("requests", models.BigIntegerField()),
                ("units", models.BigIntegerField()),
                ("request_bytes", models.BigIntegerField()),
                ("response_bytes", models.BigIntegerField()),
                ("latencies", usage.models.HistogramField()),
            ],
        ),
    ]
