"""GET /api/usage/events"""

import csv
import io
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import OperationalError
from pytest_django import DjangoAssertNumQueries

from tests.support.api import Api, drain_own_journal
from tests.support.events import NOON, event, record
from usage.models import Event

KEY = "00000000-0000-0000-0000-000000000001"


def ids(caller: Api, **parameters: Any) -> list[str]:
    response = caller.get(f"/api/usage/events?{urlencode(parameters)}")
    assert response.status_code == 200, response.content
    return [found["request_id"] for found in response.json()["results"]]


def test_events_are_listed_newest_first_and_only_the_keys_own(admin: Api, owner: Api, teammate: Api) -> None:
    owner.post("/api/models", {"name": "m"}, X_Request_ID="first")
    owner.post("/api/models", {"name": "m"}, X_Request_ID="second")
    teammate.get("/api/models", X_Request_ID="third")
    drain_own_journal()

    assert ids(owner) == ["second", "first"]
    assert ids(teammate) == ["third"]
    assert ids(admin) == ["third", "second", "first"]
    assert ids(teammate, key=owner.row.pk) == []


def test_pages_hold_every_event_once_also_those_of_one_moment(tmp_path: Path, admin: Api) -> None:
    moments = [NOON + timedelta(seconds=number // 5) for number in range(20)]
    record(tmp_path, *(event(moment, request_id=str(number)) for number, moment in enumerate(moments)))
    pages, url = [], "/api/usage/events?limit=3&route=model-list"

    while url:
        page = admin.get(url).json()
        pages.append([found["request_id"] for found in page["results"]])
        back, url = page["previous"], page["next"]

    assert [number for page in pages for number in page] == [str(number) for number in reversed(range(20))]
    assert [found["request_id"] for found in admin.get(back).json()["results"]] == pages[-2]


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ({"request_id": "b"}, ["b"]), ({"owner": "bob"}, ["b"]), ({"key": KEY}, ["c"]), ({"model": KEY}, ["c"]),
        ({"route": "model-detail"}, ["b"]), ({"method": "PUT"}, ["c"]), ({"status": "404"}, ["b"]),
        ({"status": "2xx"}, ["c", "a"]),
        ({"code": "NOT_FOUND"}, ["b"]), ({"from": "2026-03-10T12:00:01Z"}, ["c", "b"]),
        ({"to": "2026-03-10T12:00:01Z"}, ["a"]),
        ({"from": "2026-03-10T12:00:01Z", "to": "2026-03-10T12:00:02Z"}, ["b"]),
    ],
)  # fmt: skip
def test_conditions_narrow_the_list(tmp_path: Path, admin: Api, condition: dict[str, str], found: list[str]) -> None:
    record(
        tmp_path,
        event(request_id="a"),
        event(
            NOON + timedelta(seconds=1), request_id="b", owner="bob", route="model-detail", status=404, code="NOT_FOUND"
        ),
        event(NOON + timedelta(seconds=2), request_id="c", key_id=KEY, model_id=KEY, method="PUT"),
    )

    assert ids(admin, **condition) == found


@pytest.mark.parametrize("page", ["limit=5", "cursor=x", "cursor="])
def test_csv_has_no_pages(admin: Api, page: str) -> None:
    [error] = admin.get(f"/api/usage/events?format=csv&{page}").json()["errors"]
    assert error["field"] == page.partition("=")[0]


@pytest.mark.parametrize(
    "moment", ["2026-03-10T12:00:00+23:59:59", "2026-03-10T12:00:00", "2026-03-10", "0001-01-01T00:00:00+14:00", "x"]
)
def test_cursor_of_a_strange_moment_is_no_failure(admin: Api, moment: str) -> None:
    cursor = urlsafe_b64encode(json.dumps([["-time", "-id"], [moment, "1"], True]).encode()).decode()

    assert admin.get(f"/api/usage/events?cursor={cursor}").status_code in {200, 400}


def test_no_more_exports_are_sent_at_once_than_leave_a_thread_to_others(tmp_path: Path, admin: Api) -> None:
    record(tmp_path, event())
    path = "/api/usage/events?format=csv"
    sent = [admin.get(path) for _ in range(3)]

    refused = admin.get(path)

    assert (refused.status_code, refused.json()["code"], refused["Retry-After"]) == (503, "EXPORTS_BUSY", "5")
    for answer in sent:
        assert b"".join(answer.streaming_content).count(b"\n") == 2  # type: ignore[attr-defined]
        for close in vars(answer)["_resource_closers"]:
            close()
    assert admin.get(path).status_code == 200


def test_export_that_breaks_off_is_recorded_as_the_failure_that_it_was(
    tmp_path: Path, admin: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rows(_events: Any) -> Iterator[dict[str, Any]]:
        yield from ({**row} for row in Event.objects.values())
        raise OperationalError("gone")

    monkeypatch.setattr("usage.views.all_rows", rows)
    monkeypatch.setattr("mcp_project.http.csv_response.CHUNK", 1)
    record(tmp_path, event(), event())
    response = admin.get("/api/usage/events?format=csv", X_Request_ID="broken")

    with pytest.raises(OperationalError):
        b"".join(response.streaming_content)  # type: ignore[attr-defined]
    drain_own_journal()

    [found] = Event.objects.filter(request_id="broken")
    assert (found.status, found.code) == (503, "DATABASE_UNAVAILABLE")
    assert found.response_bytes > 0


@pytest.mark.parametrize(
    "query",
    [
        "stauts=404",
        "status=x",
        "from=x",
        "key=x",
        "limit=0",
        "cursor=x",
        "group_by=key",
        "from=2026-03-10&to=2026-03-10",
    ],
)
def test_bad_parameters_get_400(admin: Api, query: str) -> None:
    assert admin.get(f"/api/usage/events?{query}").status_code == 400


def test_cursor_of_another_list_gets_400(tmp_path: Path, admin: Api) -> None:
    record(tmp_path, event(), event())
    cursor = admin.get("/api/usage/events?limit=1").json()["next"].partition("cursor=")[2].partition("&")[0]

    response = admin.get(f"/api/models?cursor={cursor}")
    assert (response.status_code, response.json()["code"]) == (400, "INVALID_CURSOR")


def test_csv_has_all_events_not_a_page_in_few_queries(
    tmp_path: Path, admin: Api, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    monkeypatch.setattr("usage.views.MAX_PAGE_SIZE", 100)
    record(tmp_path, *(event(NOON + timedelta(seconds=number // 9), request_id=str(number)) for number in range(250)))
    admin.get("/api/models")

    with django_assert_num_queries(5):  # the limiter's, three pages and the empty one after them
        response = admin.get("/api/usage/events?format=csv")
        text = b"".join(response.streaming_content).decode()  # type: ignore[attr-defined]

    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["request_id"] for row in rows] == [str(number) for number in reversed(range(250))]


def test_answer_that_is_sent_while_it_is_made_is_recorded_when_its_last_part_is_gone(
    tmp_path: Path, admin: Api
) -> None:
    record(tmp_path, event())
    response = admin.get("/api/usage/events?format=csv", X_Request_ID="streamed")
    drain_own_journal()
    assert not Event.objects.filter(request_id="streamed").exists()

    sent = len(b"".join(response.streaming_content))  # type: ignore[attr-defined]
    drain_own_journal()

    assert Event.objects.get(request_id="streamed").response_bytes == sent > 0


def test_client_that_goes_away_in_the_middle_is_recorded_with_what_it_got(tmp_path: Path, admin: Api) -> None:
    response = admin.get("/api/usage/events?format=csv", X_Request_ID="left")

    closers: list[Callable[[], None]] = vars(response)["_resource_closers"]
    for close in closers:  # response.close() would close the test's database, too
        close()
    drain_own_journal()

    assert Event.objects.get(request_id="left").response_bytes == 0


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_ledger_cannot_be_written(admin: Api, method: str) -> None:
    assert admin(method, "/api/usage/events", {}).status_code == 405
