"""Pages of lists that several columns order, each in its own direction."""

from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.db.models import QuerySet

from mcp_project.errors import DomainError
from mcp_project.http.pagination import Cursor, page, place_of
from registry.models import RegisteredModel
from tests.support.api import Api
from usage.models import HourlyUsage, Series

SIZE = 4
MOMENT = datetime(2024, 5, 6, 7, tzinfo=UTC)


@pytest.fixture
def _models(db: None) -> None:
    """27 rows: any one column but the last has equal values in 9 of them, and any two columns in 3."""
    columns = product(("flax", "keras", "torch"), ("ann", "bob", "cleo"), ("x", "y", "z"))
    RegisteredModel.objects.bulk_create(
        RegisteredModel(framework=framework, owner=owner, name=f"{name} {framework} {owner}")
        for framework, owner, name in columns
    )


def pages(queryset: QuerySet[Any], ordering: tuple[str, ...], cursor: Cursor | None, backwards: bool) -> list[Any]:
    """All rows from the cursor on, page for page, through the cursors' text; backwards the nearest row comes first."""
    seen: list[Any] = []
    while True:
        if cursor is not None:
            cursor = Cursor.parse(str(cursor), ordering)
        rows = page(queryset, ordering, cursor, SIZE)
        if not rows:
            return seen
        seen += rows
        cursor = place_of(rows[-1], ordering, backwards)


@pytest.mark.usefixtures("_models")
@pytest.mark.parametrize("signs", list(product(["", "-"], repeat=3)))
def test_every_row_comes_once_in_order_forwards_and_backwards(signs: tuple[str, str, str]) -> None:
    ordering = tuple(map("".join, zip(signs, ("framework", "owner", "name"), strict=True)))
    models = RegisteredModel.objects.all()
    wanted = list(models)
    for column in reversed(ordering):
        wanted.sort(key=lambda model: str(getattr(model, column.lstrip("-"))), reverse=column.startswith("-"))

    assert pages(models, ordering, None, False) == wanted
    assert pages(models, ordering, place_of(wanted[-1], ordering, True), True) == wanted[-2::-1]


@pytest.mark.usefixtures("_models")
def test_any_place_divides_the_rows() -> None:
    ordering = ("-framework", "owner", "-name")
    models = RegisteredModel.objects.order_by(*ordering)
    wanted = list(models)

    for number, row in enumerate(wanted):
        assert page(models, ordering, place_of(row, ordering), 99) == wanted[number + 1 :]
        assert page(models, ordering, place_of(row, ordering, True), 99) == wanted[:number][::-1]


@pytest.mark.usefixtures("_models")
def test_times_and_ties_among_them() -> None:
    """MLflow's order of models by time: the newest first, then by name."""
    ordering = ("-updated_at", "name")
    for number, model in enumerate(RegisteredModel.objects.order_by("owner", "framework", "name")):
        moment = MOMENT + timedelta(microseconds=number // 5)
        RegisteredModel.objects.filter(pk=model.pk).update(updated_at=moment)
    wanted = list(RegisteredModel.objects.order_by(*ordering))

    assert pages(RegisteredModel.objects.all(), ordering, None, False) == wanted
    assert pages(RegisteredModel.objects.all(), ordering, place_of(wanted[-1], ordering, True), True) == wanted[-2::-1]


@pytest.mark.django_db
def test_column_of_a_related_row() -> None:
    for owner in ("ann", "bob", "cleo"):
        series = Series.objects.create(id=uuid4(), owner=owner, method="GET", route="", status=200, code="")
        counts = dict.fromkeys(("requests", "units", "request_bytes", "response_bytes", "latencies"), 0)
        for hour in range(3):
            HourlyUsage.objects.create(hour=MOMENT + timedelta(hours=hour), series=series, **counts)
    ordering = ("-hour", "series__owner")

    seen = pages(HourlyUsage.objects.select_related("series"), ordering, None, False)

    hours = (MOMENT + timedelta(hours=hour) for hour in (2, 1, 0))
    assert [(row.hour, row.series.owner) for row in seen] == list(product(hours, ("ann", "bob", "cleo")))


@pytest.mark.usefixtures("_models")
def test_index_of_the_first_column_finds_the_place() -> None:
    ordering = ("-owner", "name")
    row = RegisteredModel.objects.get(name="x flax bob")
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_bitmapscan = off")
    explained = _Explained()
    with connection.execute_wrapper(explained):
        page(RegisteredModel.objects.all(), ordering, place_of(row, ordering), SIZE)

    assert "Index Cond: ((owner)::text <= 'bob'::text)" in explained.plan


class _Explained:
    """Notes the plan of the query that runs."""

    plan = ""

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        execute(f"EXPLAIN {sql}", params, many, context)
        self.plan = "\n".join(line for (line,) in context["cursor"].fetchall())
        return execute(sql, params, many, context)


@pytest.mark.usefixtures("_models")
def test_cursor_of_another_direction_is_refused() -> None:
    row = RegisteredModel.objects.get(name="x flax bob")

    with pytest.raises(DomainError) as raised:
        Cursor.parse(str(place_of(row, ("-owner", "name"))), ("-owner", "-name"))

    assert raised.value.code == "INVALID_CURSOR"


def test_cursor_of_another_list_is_refused(owner: Api) -> None:
    for name in ("a", "b"):
        owner.post("/api/models", {"name": name})
        owner.post("/api/contexts", {"name": name})
    cursor = owner.get("/api/contexts?limit=1").json()["next"].partition("cursor=")[2].partition("&")[0]

    assert owner.get(f"/api/contexts?limit=1&cursor={cursor}").status_code == 200
    assert owner.get(f"/api/models?limit=1&cursor={cursor}").json()["code"] == "INVALID_CURSOR"
