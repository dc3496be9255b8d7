"""The cost of parts that bypass a library's usual way, beside that way: `python -m bench.micro`.

Each line is the median CPU time of a call in this process. The docstrings of the parts quote these figures.
"""

import statistics
import time
from collections.abc import Callable
from typing import Any

from bench.harness import fresh, redis_server, service

ROUNDS, CALLS = 15, 200


def main() -> None:
    with service(), redis_server() as redis_url:
        for title, rivals in (
            ("a charge on PostgreSQL", postgresql()),
            ("a charge on Redis", redis(redis_url)),
            ("the look-up of a model", look_up()),
            ("the update of a model", update()),
            ("the insert of an audit entry", insert()),
            ("a model as JSON", serializer()),
            ("a health check of a pooled connection", check()),
        ):
            print(f"{title}:")
            for name, microseconds in measured(rivals).items():
                print(f"  {name:42} {microseconds:7.1f} µs")


def measured(rivals: dict[str, Callable[[], Any]]) -> dict[str, float]:
    """The median CPU time of a call in microseconds. The rivals take turns."""
    samples: dict[str, list[float]] = {name: [] for name in rivals}
    for _ in range(ROUNDS):
        for name, call in rivals.items():
            begin = time.process_time_ns()
            for _ in range(CALLS):
                call()
            samples[name].append((time.process_time_ns() - begin) / CALLS / 1000)
    return {name: statistics.median(found) for name, found in samples.items()}


def limits() -> Any:
    from keys.principal import Principal
    from keys.services import create_key

    row, _ = create_key("bench", owner="bench", name=fresh("micro"), permissions=["read"], rate_limit="1000000/s")
    return Principal.of(row).limits


SPEND = "SELECT keys_spend(%s::uuid, %s::bigint, %s::bigint, %s::bigint, %s::bigint, %s::bigint)"


def postgresql() -> dict[str, Callable[[], Any]]:
    from django.db import connection

    from keys.limits.stores.postgresql import PostgreSQLStore

    bounds, store = limits(), PostgreSQLStore()
    connection.ensure_connection()
    parameters = [bounds.pool_id.hex, 1, bounds.rate.emission, bounds.rate.capacity, None, None]

    def through(cursors: Any) -> Any:
        with cursors.cursor() as cursor:
            cursor.execute(SPEND, parameters)
            return cursor.fetchone()

    return {
        "libpq (PostgreSQLStore)": lambda: store.spend(bounds, 1),
        "psycopg's cursor": lambda: through(connection.connection),
        "Django's cursor": lambda: through(connection),
    }


def redis(url: str | None) -> dict[str, Callable[[], Any]]:
    from keys.limits.stores.redis import CHANGED, PREFIX, SCRIPT, RedisStore

    if url is None:
        return {}
    bounds, store = limits(), RedisStore(url)
    script, pool = store.client.register_script(SCRIPT), bounds.pool_id.hex
    arguments = [pool, 1, bounds.rate.emission, bounds.rate.capacity, "", ""]
    return {
        "a connection of the thread (RedisStore)": lambda: store.spend(bounds, 1),
        "redis-py's client and pool": lambda: script(keys=[PREFIX + pool, CHANGED], args=arguments),
    }


def model() -> Any:
    from registry.models import RegisteredModel

    return RegisteredModel.objects.create(name=fresh("micro"), owner="bench", tags={"team": "growth"})


def look_up() -> dict[str, Callable[[], Any]]:
    from django.db.models import Q

    from registry.models import RegisteredModel
    from registry.queries import _models_named

    row = model()
    sql = f"SELECT * FROM {RegisteredModel._meta.db_table} WHERE name = %s OR id = %s"  # noqa: S608
    columns = ", ".join(str(field.column) for field in RegisteredModel._meta.concrete_fields)
    sql = sql.replace("*", columns)
    condition = Q(name=str(row.pk)) | Q(pk=row.pk)
    return {
        "SQL that is written once (Lookup)": lambda: _models_named(str(row.pk), row.pk),
        "raw()": lambda: list(RegisteredModel.objects.raw(sql, [str(row.pk), row.pk])),
        "filter()": lambda: list(RegisteredModel.objects.filter(condition)),
    }


def update() -> dict[str, Callable[[], Any]]:
    from mcp_project.database import statements

    row = model()

    def by_queryset() -> None:
        type(row).objects.filter(pk=row.pk).update(edition=row.edition, updated_at=row.updated_at)

    return {
        "SQL that is written out (update)": lambda: statements.update(row, "edition", "updated_at"),
        "filter().update()": by_queryset,
        "save(update_fields=…)": lambda: row.save(update_fields=["edition", "updated_at"]),
    }


def insert() -> dict[str, Callable[[], Any]]:
    from mcp_project.audit.models import AuditEntry
    from mcp_project.database import statements

    def entry() -> AuditEntry:
        return AuditEntry(actor="bench", action="create", object_type="model", object_id="0", changes={"a": [1, 2]})

    return {
        "SQL that is written once (insert)": lambda: statements.insert(entry()),
        "save(force_insert=True)": lambda: entry().save(force_insert=True),
    }


def serializer() -> dict[str, Callable[[], Any]]:
    from registry.rest.serializers.models import ModelSerializer

    row = model()
    return {
        "a serializer that is made once (show)": lambda: ModelSerializer.show(row),
        "a serializer for each model": lambda: ModelSerializer(row).data,
    }


def check() -> dict[str, Callable[[], Any]]:
    from django.db import connection
    from psycopg_pool import ConnectionPool

    connection.ensure_connection()
    return {"the pool's own, which a charge replaces": lambda: ConnectionPool.check_connection(connection.connection)}


if __name__ == "__main__":
    main()
