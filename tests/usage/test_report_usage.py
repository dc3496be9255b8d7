"""GET /api/usage"""

import csv
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from pytest_django import DjangoAssertNumQueries

from keys.authentication import known_keys
from keys.models import APIKey
from registry.models import RegisteredModel
from tests.support.api import Api, api, drain_own_journal
from tests.support.events import NOON, event, record

DAY = {"from": "2026-03-10", "to": "2026-03-11"}


def usage(caller: Api, **parameters: Any) -> dict[str, Any]:
    response = caller.get(f"/api/usage?{urlencode(DAY | parameters)}")
    assert response.status_code == 200, response.content
    return dict(response.json())


def figures(report: dict[str, Any], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(group[name] for name in names) for group in report["groups"]]


@pytest.fixture
def busy(admin: Api, owner: Api, teammate: Api) -> None:
    owner.post("/api/models", {"name": "m"})
    owner.post("/api/models", {"name": "m"})
    teammate.get("/api/models")
    drain_own_journal()


def test_key_sees_its_own_usage_and_an_admin_key_all(busy: None, owner: Api, admin: Api) -> None:
    own, all_ = (caller.get("/api/usage").json()["total"] for caller in (owner, admin))

    assert (own["requests"], own["errors"], own["units"], own["request_bytes"]) == (2, 1, 2, 26)
    assert (all_["requests"], all_["errors"]) == (3, 1)


def test_key_cannot_ask_for_anothers(busy: None, owner: Api, teammate: Api) -> None:
    report = teammate.get(f"/api/usage?key={owner.row.pk}&group_by=key").json()

    assert (report["total"]["requests"], report["groups"]) == (0, [])


def test_without_a_period_it_is_about_the_day_until_now(busy: None, owner: Api) -> None:
    before = datetime.now(UTC)
    report = owner.get("/api/usage").json()

    start, end = (datetime.fromisoformat(report[name]) for name in ("from", "to"))
    assert end - start == timedelta(days=1)
    assert before - timedelta(seconds=1) < end <= datetime.now(UTC) + timedelta(hours=1)
    assert (report["time_zone"], report["group_by"], report["groups"]) == ("UTC", [], [])


def test_each_group_has_its_figures_and_the_total_is_their_sum(tmp_path: Path, admin: Api) -> None:
    record(
        tmp_path,
        *(event(status=429, units=0, route="a", duration_us=10) for _ in range(3)),
        event(route="a", duration_us=2000),
        event(route="b", status=404, duration_us=5000),
        event(route="b", status=500, duration_us=5000),
    )

    report = usage(admin, group_by="route")

    names = ("route", "requests", "errors", "refusals", "units", "request_bytes", "response_bytes")
    assert figures(report, *names) == [("a", 4, 3, 3, 1, 40, 400), ("b", 2, 2, 0, 2, 20, 200)]
    assert [report["total"][name] for name in names[1:]] == [6, 5, 3, 3, 60, 600]
    assert [group["p99_ms"] for group in report["groups"]] == pytest.approx([2, 5], rel=0.05)
    assert report["total"]["p50_ms"] == pytest.approx(0.01, rel=0.05)


@pytest.mark.parametrize(
    ("group", "values"),
    [
        ("owner", ["ann", "bob"]),
        ("method", ["DELETE", "GET"]),
        ("status", [200, 404]),
        ("code", ["", "NOT_FOUND"]),
        ("day", ["2026-03-10", "2026-03-11"]),
        ("hour", ["2026-03-10T12:00:00Z", "2026-03-11T12:00:00Z"]),
    ],
)
def test_each_way_to_group(tmp_path: Path, admin: Api, group: str, values: list[Any]) -> None:
    other = event(NOON + timedelta(days=1), owner="bob", method="DELETE", status=404, code="NOT_FOUND")
    record(tmp_path, event(), other, other)

    counts = figures(usage(admin, to="2026-03-12", group_by=group), group, "requests")

    assert [value for value, _ in counts] == values
    assert sorted(count for _, count in counts) == [1, 2]


def test_keys_and_models_are_told_with_their_names(admin: Api, owner: Api, teammate: Api) -> None:
    model = RegisteredModel.objects.create(name="churn", owner="owner")
    teammate.get(f"/api/models/{model.pk}")
    teammate.get("/api/models")
    drain_own_journal()

    report = admin.get("/api/usage?group_by=key,model").json()

    key = (str(teammate.row.pk), "teammate's key")
    found = figures(report, "key", "key_name", "model", "model_name", "requests")
    assert found == [(*key, str(model.pk), "churn", 1), (*key, None, None, 1)]


def test_model_that_a_key_may_no_longer_see_has_no_name(admin: Api) -> None:
    caller = api("narrow", "read")
    model = RegisteredModel.objects.create(name="churn", owner="owner")
    caller.get(f"/api/models/{model.pk}")
    drain_own_journal()
    APIKey.objects.filter(pk=caller.row.pk).update(model_patterns=["other*"])
    known_keys.clear()

    [group] = caller.get("/api/usage?group_by=model").json()["groups"]
    assert (group["model"], group["model_name"]) == (str(model.pk), None)


@pytest.mark.parametrize("path", ["/api/usage?", "/api/usage/timeseries?", "/api/usage/events?"])
def test_model_is_told_by_its_id_or_its_name(admin: Api, owner: Api, path: str) -> None:
    made, _ = (owner.post("/api/models", {"name": name}).json()["id"] for name in ("churn", "fraud"))
    drain_own_journal()

    day = {name: f"{datetime.now(UTC) + timedelta(days=days):%Y-%m-%d}" for name, days in (("from", -1), ("to", 1))}
    path += urlencode(day)
    by_id, by_name, of_another = (admin.get(f"{path}&model={ident}").json() for ident in (made, "churn", "fraud"))

    assert counted(by_id) == counted(by_name) == counted(of_another) == 1
    assert by_id == by_name


def counted(answer: dict[str, Any]) -> int:
    """The requests in a report, a time series or a list of events."""
    if "total" in answer:
        return int(answer["total"]["requests"])
    return sum(point["requests"] for point in answer["points"]) if "points" in answer else len(answer["results"])


def test_name_of_a_model_that_a_key_may_not_see_is_as_unknown_as_any(admin: Api, owner: Api) -> None:
    owner.post("/api/models", {"name": "churn"})
    bound = api("bound", "read", model_patterns=["fraud"])

    answers = [bound.get(f"/api/usage?model={name}").json() for name in ("churn", "nothing")]

    errors = [answer["errors"] for answer in answers]
    assert (
        errors[0]
        == errors[1]
        == [{"field": "model", "code": "invalid", "detail": "There is no such model, or the key may not see it."}]
    )


def test_models_that_do_not_exist_or_may_not_be_seen_are_not_counted_apart(admin: Api, teammate: Api) -> None:
    teammate.get("/api/models/01a20989-5f4d-71fe-9a03-95db7dc19e17")
    drain_own_journal()

    [group] = admin.get("/api/usage?group_by=model").json()["groups"]
    assert group["model"] is None


@pytest.mark.parametrize(
    ("condition", "requests"),
    [
        ({"owner": "bob"}, 1), ({"route": "model-list"}, 3), ({"method": "delete"}, 1), ({"status": "404"}, 1),
        ({"route": "usage"}, 0), ({"code": "not_found"}, 1),
        ({"status": "4xx"}, 1), ({"status": "2XX"}, 2), ({"code": "NOT_FOUND"}, 1),
        ({"key": "00000000-0000-0000-0000-000000000001"}, 1), ({"model": "00000000-0000-0000-0000-000000000002"}, 1),
        ({"owner": "ann", "status": "404"}, 0), ({"owner": "nobody"}, 0),
    ],
)  # fmt: skip
def test_conditions_narrow_the_report(tmp_path: Path, admin: Api, condition: dict[str, str], requests: int) -> None:
    key, model = (f"00000000-0000-0000-0000-00000000000{number}" for number in (1, 2))
    record(
        tmp_path, event(), event(key_id=key, model_id=model), event(
            owner="bob", method="DELETE", status=404, code="NOT_FOUND"
        )
    )  # fmt: skip

    assert usage(admin, **condition)["total"]["requests"] == requests


def test_period_is_widened_to_whole_hours_and_says_so(tmp_path: Path, admin: Api) -> None:
    record(tmp_path, *(event(NOON + timedelta(minutes=minutes)) for minutes in (-1, 0, 59, 60, 61, 120)))

    report = usage(admin, **{"from": "2026-03-10T12:30:00Z", "to": "2026-03-10T13:00:01Z"})

    assert (report["from"], report["to"]) == ("2026-03-10T12:00:00Z", "2026-03-10T14:00:00Z")
    assert report["total"]["requests"] == 4


def test_days_are_those_of_the_time_zone_also_when_clocks_are_set(tmp_path: Path, admin: Api) -> None:
    """In Berlin, 29 March 2026 had 23 hours."""
    begin = datetime(2026, 3, 28, 23, tzinfo=UTC)
    record(tmp_path, *(event(begin + timedelta(hours=hours, minutes=30)) for hours in (-1, 0, 22, 23, 46, 47)))

    report = usage(admin, **{"from": "2026-03-28", "to": "2026-03-31"}, group_by="day", time_zone="Europe/Berlin")

    assert figures(report, "day", "requests") == [("2026-03-28", 1), ("2026-03-29", 2), ("2026-03-30", 2)]
    assert (report["from"], report["to"]) == ("2026-03-28T00:00:00+01:00", "2026-03-31T00:00:00+02:00")


@pytest.mark.parametrize(
    "start", ["2026-03-10T13:00:00+01:00", "2026-03-10T13:00:00 01:00", "2026-03-10T12:00Z", "2026-03-10T08:00-0400"]
)
def test_offsets_are_understood_also_where_a_plus_was_not_encoded(tmp_path: Path, admin: Api, start: str) -> None:
    assert usage(admin, **{"from": start})["from"] == "2026-03-10T12:00:00Z"


def test_route_that_was_counted_may_be_asked_for_when_it_is_gone(tmp_path: Path, admin: Api) -> None:
    record(tmp_path, event(route="of-an-earlier-version"))

    assert usage(admin, route="of-an-earlier-version")["total"]["requests"] == 1


def test_percentiles_are_of_all_batches_that_were_drained(tmp_path: Path, admin: Api) -> None:
    for milliseconds in (1, 2, 3):
        record(tmp_path, event(duration_us=1000 * milliseconds))

    assert usage(admin)["total"]["p50_ms"] == pytest.approx(2, rel=0.05)


def test_more_groups_than_an_answer_holds_get_400_but_come_as_csv(
    tmp_path: Path, admin: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("usage.views.MAX_GROUPS", 2)
    record(tmp_path, *(event(owner=name) for name in "abc"))
    path = f"/api/usage?{urlencode(DAY | {'group_by': 'owner'})}"

    assert admin.get(path).json()["errors"][0]["code"] == "too_many_groups"
    assert len(b"".join(admin.get(f"{path}&format=csv").streaming_content).splitlines()) == 4  # type: ignore[attr-defined]


@pytest.mark.parametrize("how", [{"format": "csv"}, {"accept": "text/csv"}, {"accept": "text/csv, */*;q=0.1"}])
def test_csv_has_the_same_figures(tmp_path: Path, admin: Api, how: dict[str, str]) -> None:
    record(tmp_path, event(owner="=1+1"), event(owner='a "b", c'), event(owner="-x", route="d"))
    headers = {"Accept": how["accept"]} if "accept" in how else {}
    parameters = DAY | {"group_by": "owner,route"} | ({"format": "csv"} if "format" in how else {})

    response = admin.get(f"/api/usage?{urlencode(parameters)}", **headers)

    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert response.streaming
    rows = list(csv.DictReader(io.StringIO(b"".join(response.streaming_content).decode())))  # type: ignore[attr-defined]
    report = usage(admin, group_by="owner,route")
    shown = [
        {**group, "owner": f"'{group['owner']}" if group["owner"][0] in "=-" else group["owner"]}
        for group in report["groups"]
    ]
    assert rows == [{name: str(value) for name, value in group.items()} for group in shown]


@pytest.mark.parametrize("accept", ["*/*", "text/html", "application/json, text/csv", "text/csv;q=0.5, */*"])
def test_json_is_the_answer_where_csv_is_not_preferred(admin: Api, accept: str) -> None:
    assert admin.get("/api/usage", Accept=accept).headers["Content-Type"] == "application/json"


def test_error_of_a_report_as_csv_has_the_shape(admin: Api) -> None:
    response = admin.get("/api/usage?format=csv&group_by=x")

    assert (response.status_code, response.json()["code"]) == (400, "VALIDATION_ERROR")


def test_report_makes_one_query_besides_the_limiters(
    busy: None, admin: Api, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    admin.get("/api/usage")  # now the key is remembered

    for query, queries in (("", 2), ("?group_by=route", 2), ("?group_by=key", 3)):
        with django_assert_num_queries(queries):
            assert admin.get(f"/api/usage{query}").status_code == 200
