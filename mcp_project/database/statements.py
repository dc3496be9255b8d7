"""SELECTs and writes of hot paths, compiled once and executed again with new parameters."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Generic, TypeVar

from django.db import connection
from django.db.models import Model, QuerySet
from django.db.models.constants import OnConflict
from django.db.models.sql import InsertQuery

Row = TypeVar("Row", bound=Model)


class Statement(Generic[Row]):
    """A query set whose parameters are told when it is asked, in the order in which it names them. For look-ups that
    nearly every request makes: to write one takes Django four times as long as all that is left of it."""

    def __init__(self, rows: QuerySet[Row]) -> None:
        self._rows = rows

    @cached_property
    def _sql(self) -> str:
        return str(self._rows.query.sql_with_params()[0])

    @cached_property
    def _names(self) -> list[str]:
        return [field.attname for field in self._rows.model._meta.concrete_fields]

    @cached_property
    def _converters(self) -> list[tuple[int, Any]]:
        """Of the columns that do not come as what they are: JSON comes as text."""
        fields = enumerate(self._rows.model._meta.concrete_fields)
        return [(place, field.from_db_value) for place, field in fields if hasattr(field, "from_db_value")]

    def __call__(self, parameters: Sequence[Any]) -> list[Row]:
        with connection.cursor() as cursor:
            cursor.execute(self._sql, parameters)
            rows = [list(row) for row in cursor.fetchall()]
        for row in rows:
            for place, convert in self._converters:
                row[place] = convert(row[place], None, connection)
        return [self._rows.model.from_db(connection.alias, self._names, row) for row in rows]


def update(row: Model, *names: str) -> None:
    """`row.save(update_fields=names)`, of a row that is locked; nobody hears of it by a signal."""
    fields: list[Any] = [row._meta.get_field(name) for name in names]
    columns = ", ".join(f"{field.column} = %s" for field in fields)
    values = [field.get_db_prep_save(getattr(row, field.attname), connection) for field in fields]
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {row._meta.db_table} SET {columns} WHERE id = %s", [*values, row.pk])  # noqa: S608


def insert(row: Model) -> bool:
    """Do as `row.save(force_insert=True)`. Where a unique index has such a row already, do nothing and return False: a
    failing INSERT would be in PostgreSQL's log, with everything that the client sent."""
    query = InsertQuery(type(row), on_conflict=OnConflict.IGNORE)
    query.insert_values(list(row._meta.concrete_fields), [row])
    with connection.cursor() as cursor:
        for statement, values in query.get_compiler(connection=connection).as_sql():
            cursor.execute(statement, values)
        row._state.adding, row._state.db = False, connection.alias
        return bool(cursor.rowcount)
