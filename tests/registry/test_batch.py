"""POST /api/models:batch"""

import json
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries

from mcp_project.audit.models import AuditEntry
from registry.models import RegisteredModel
from tests.support.api import Api, api
from tests.support.resources import errors, model

BATCH = "/api/models:batch"


def rows(*names: str) -> list[dict[str, Any]]:
    return [{"name": name, "tags": {"a": name}} for name in names]


def names() -> list[str]:
    return sorted(RegisteredModel.objects.values_list("name", flat=True))


@pytest.mark.parametrize("mode", ["", "?mode=all", "?mode=each"])
def test_all_rows_are_registered_each_with_its_result(owner: Api, mode: str) -> None:
    answer = owner.post(BATCH + mode, rows("a", "b"))

    told = answer.json()
    assert (answer.status_code, told["created"], told["failed"]) == (200, 2, 0)
    assert [(row["row"], row["status"], row["name"]) for row in told["results"]] == [(0, 201, "a"), (1, 201, "b")]
    shown = owner.get(f"/api/models/{told['results'][1]['id']}").json()
    assert (shown["name"], shown["owner"], shown["created_by"]) == ("b", "owner", f"key:{owner.row.pk}")
    assert AuditEntry.objects.filter(action="create", object_name="b").count() == 1


def test_ndjson_is_a_line_a_model(owner: Api) -> None:
    body = b"\n".join(json.dumps(row).encode() for row in rows("a", "ü")) + b"\n\n"

    assert owner.post(BATCH, body, Content_Type="application/x-ndjson").status_code == 200
    assert names() == ["a", "ü"]


def test_taken_name_leaves_nothing_of_all(owner: Api) -> None:
    model(owner, "b")

    answer = owner.post(BATCH, rows("a", "b", "c"))

    assert (answer.status_code, answer.json()["code"]) == (409, "CONFLICT")
    assert "'b'" in answer.json()["detail"]
    assert names() == ["b"]


def test_each_row_fails_by_itself_if_wanted(owner: Api) -> None:
    model(owner, "b")
    bad = [*rows("a", "b", "a"), {"name": "x/y"}, 7, {}]

    told = owner.post(f"{BATCH}?mode=each", bad).json()

    assert (told["created"], told["failed"]) == (1, 5)
    assert [row["status"] for row in told["results"]] == [201, 409, 409, 400, 400, 400]
    assert told["results"][3]["errors"][0]["field"] == "name"
    assert names() == ["a", "b"]


def test_bad_rows_are_named_and_leave_nothing(owner: Api) -> None:
    answer = owner.post(BATCH, [*rows("a"), {"name": "x/y"}, {"name": "b", "tags": 7}])

    assert [error["field"] for error in answer.json()["errors"]] == ["1.name", "2.tags"]
    assert names() == []


def test_key_registers_what_it_may_see_alone(db: None) -> None:
    bound = api("bound", "read", "write", model_patterns=["a*"])

    assert bound.post(BATCH, rows("a1", "b1")).status_code == 404
    told = bound.post(f"{BATCH}?mode=each", rows("a1", "b1")).json()
    assert [row["status"] for row in told["results"]] == [201, 404]
    assert names() == ["a1"]


@pytest.mark.parametrize("body", [[], {}, 7, {"models": []}, [{"name": "m"}] * 1001])
def test_what_is_no_list_of_so_many_gets_400(owner: Api, body: Any) -> None:
    assert errors(owner.post(BATCH, body)) == {"body"}


@pytest.mark.parametrize("line", [b"{", b"\xff", b'{"name": "a\\u0000"}', b'{"x": NaN}', b"[" * 50, b"9" * 5000])
def test_line_that_is_no_json_gets_400_that_names_it(owner: Api, line: bytes) -> None:
    answer = owner.post(BATCH, b'{"name": "a"}\n' + line, Content_Type="application/x-ndjson")

    assert (answer.status_code, answer.json()["code"]) == (400, "MALFORMED_JSON")
    assert answer.json()["detail"].endswith("(line 2)")
    assert names() == []


def test_reader_and_unknown_parameters_are_refused(teammate: Api, owner: Api) -> None:
    assert teammate.post(BATCH, rows("a")).status_code == 403
    assert errors(owner.post(f"{BATCH}?mode=some", rows("a"))) == {"mode"}
    assert errors(owner.post(f"{BATCH}?atomic=1", rows("a"))) == {"atomic"}


def test_a_thousand_rows_take_a_handful_of_statements(
    owner: Api, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    owner.get("/api/models")

    with django_assert_max_num_queries(12):
        assert owner.post(BATCH, rows(*map(str, range(1000)))).json()["created"] == 1000


def test_rows_are_written_in_one_order_so_that_two_batches_cannot_wait_in_a_circle(owner: Api) -> None:
    with CaptureQueriesContext(connection) as queries:
        told = owner.post(BATCH, rows("c", "a", "b")).json()["results"]

    [insert] = [query["sql"] for query in queries if query["sql"].startswith('INSERT INTO "registry_registeredmodel"')]
    assert "{a,b,c}" in insert
    assert [row["name"] for row in told] == ["c", "a", "b"], "the answer is in the order of the rows"
