"""SQL stands in files: the current text in `<app>/sql/`, the copies that migrations run in `<app>/migrations/sql/`."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import AppConfig, apps
from django.conf import settings
from django.db import connection, transaction

pytestmark = pytest.mark.django_db

# Every object of the schema that is first on the search path: its kind, its name and its definition.
CATALOGUE = """
SELECT 'table', relname::text, concat_ws(' ', relkind, relpersistence, reloptions, pg_get_partkeydef(oid))
FROM pg_class WHERE relnamespace = current_schema::regnamespace AND relkind IN ('r', 'p', 'S') AND NOT relispartition
UNION ALL
SELECT 'column', format('%s.%s', relname, attname), concat_ws(
    ' ', format_type(atttypid, atttypmod), attnotnull, attidentity, attgenerated, pg_get_expr(adbin, adrelid)
)
FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
WHERE relnamespace = current_schema::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
AND attnum > 0 AND NOT attisdropped
UNION ALL
SELECT 'constraint', format('%s.%s', relname, conname), pg_get_constraintdef(pg_constraint.oid)
FROM pg_class JOIN pg_constraint ON conrelid = pg_class.oid
WHERE relnamespace = current_schema::regnamespace AND NOT relispartition
UNION ALL
SELECT 'index', tablename || '.' || indexname, indexdef FROM pg_indexes JOIN pg_class ON relname = tablename
WHERE schemaname = current_schema AND relnamespace = current_schema::regnamespace AND NOT relispartition
UNION ALL
SELECT 'trigger', format('%s.%s', relname, tgname), pg_get_triggerdef(pg_trigger.oid)
FROM pg_class JOIN pg_trigger ON tgrelid = pg_class.oid
WHERE relnamespace = current_schema::regnamespace AND NOT relispartition AND NOT tgisinternal
UNION ALL
SELECT 'function', proname::text, pg_get_functiondef(oid)
FROM pg_proc WHERE pronamespace = current_schema::regnamespace
"""

Schema = dict[tuple[str, str], str]


def apps_with_sql() -> list[AppConfig]:
    return [app for app in apps.get_app_configs() if (Path(app.path) / "sql").is_dir()]


def current_texts() -> dict[str, str]:
    """Each current file, by its path within the project."""
    files = (file for app in apps_with_sql() for file in sorted((Path(app.path) / "sql").glob("*.sql")))
    return {str(file.relative_to(settings.BASE_DIR)): file.read_text() for file in files}


def schema(name: str) -> Schema:
    """The objects of these apps in the database's schema `name`."""
    prefix = re.compile("|".join(f"{app.label}_" for app in apps_with_sql()))
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('search_path', %s, true)", [name])
        cursor.execute(CATALOGUE)
        rows = cursor.fetchall()
    return {(kind, key): text.replace(f"{name}.", "") for kind, key, text in rows if prefix.match(key)}


def schema_of_current_texts(texts: dict[str, str]) -> Schema:
    """The schema that the models and `texts` make of an empty one."""
    created = set(re.findall(r"CREATE TABLE (\w+)", " ".join(texts.values())))
    models = [model for app in apps_with_sql() for model in app.get_models() if model._meta.db_table not in created]
    with connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA present; SET LOCAL search_path TO present")
        with connection.schema_editor() as editor:
            for model in models:
                editor.create_model(model)
        for text in texts.values():
            cursor.execute(text)
    return schema("present")


@pytest.fixture
def migrated(db: None) -> Iterator[Schema]:
    """The schema that the migrations made of the tests' database."""
    with transaction.atomic():
        yield schema("public")
        transaction.set_rollback(True)


def test_migrations_make_what_the_models_and_the_current_texts_make(migrated: Schema) -> None:
    assert migrated == schema_of_current_texts(current_texts())


# A change to each current text that changes what it makes.
EDITS = [
    ("keys/sql/periods.sql", "NULL;  --", "used := 0;  --"),
    ("keys/sql/spend.sql", "SELECT * INTO quota FROM", "SELECT  * INTO quota FROM"),
    ("keys/sql/storage.sql", "fillfactor = 50", "fillfactor = 60"),
    ("mcp_project/audit/sql/append_only.sql", "BEFORE UPDATE OR DELETE", "BEFORE DELETE"),
    ("mcp_project/idempotency/sql/claim.sql", "'60s'", "'61s'"),
    ("registry/sql/cascades.sql", "ON DELETE SET NULL", "ON DELETE CASCADE"),
    ("registry/sql/revisions.sql", "BEFORE TRUNCATE", "AFTER TRUNCATE"),
    ("registry/sql/words.sql", "'simple', name", "'english', name"),
    ("usage/sql/events.sql", "(request_id)", "(request_id, time)"),
]


@pytest.mark.parametrize(("path", "text", "edited"), EDITS)
def test_current_text_that_is_edited_alone_is_found(migrated: Schema, path: str, text: str, edited: str) -> None:
    texts = current_texts()
    assert text in texts[path]

    assert migrated != schema_of_current_texts({**texts, path: texts[path].replace(text, edited)})


def test_every_current_text_is_edited_in_that_test() -> None:
    assert [path for path, _, _ in EDITS] == sorted(current_texts())


def test_function_that_a_migration_edits_alone_is_found(db: None) -> None:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(current_texts()["keys/sql/periods.sql"].replace("NULL;  --", "used := 0;  --"))

        assert schema("public") != schema_of_current_texts(current_texts())
        transaction.set_rollback(True)


def test_python_holds_no_functions_or_triggers() -> None:
    folders = [Path(app.path) for app in apps_with_sql()]
    files = [file for folder in folders for file in folder.rglob("*.py")]

    assert [file for file in files if re.search(r"CREATE( OR REPLACE)? (FUNCTION|TRIGGER)", file.read_text())] == []
