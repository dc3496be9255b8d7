from django.db import migrations


class Migration(migrations.Migration):
    """The limiter's tables are written at every request and worth nothing after a crash: they need no WAL.

    The fill factor leaves room on each page for the next version of a row, so that an update touches no index.
    """

    dependencies = [("keys", "0001_initial")]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE keys_bucket SET UNLOGGED; ALTER TABLE keys_bucket SET (fillfactor = 50);",
            "ALTER TABLE keys_bucket SET LOGGED; ALTER TABLE keys_bucket RESET (fillfactor);",
        ),
        migrations.RunSQL(
            "ALTER TABLE keys_doorcounter SET UNLOGGED;",
            "ALTER TABLE keys_doorcounter SET LOGGED;",
        ),
    ]
