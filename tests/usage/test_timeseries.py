"""GET /api/usage/timeseries"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.support.api import Api
from tests.support.events import NOON, event, record


def points(caller: Api, **parameters: Any) -> list[dict[str, Any]]:
    response = caller.get(f"/api/usage/timeseries?{urlencode(parameters)}")
    assert response.status_code == 200, response.content
    return list(response.json()["points"])


def test_each_hour_has_a_point_also_where_nothing_was_counted(tmp_path: Path, admin: Api) -> None:
    record(tmp_path, event(), event(), event(NOON + timedelta(hours=2)))

    found = points(admin, **{"from": "2026-03-10T11:00Z", "to": "2026-03-10T15:00Z"})

    hours = [f"2026-03-10T{hour}:00:00Z" for hour in (11, 12, 13, 14)]
    assert [(point["time"], point["requests"]) for point in found] == list(zip(hours, (0, 2, 0, 1), strict=True))
    assert found[0]["p50_ms"] is None
    assert found[1]["p50_ms"] == pytest.approx(1, rel=0.05)


def test_days_of_a_zone_begin_when_they_begin_there(tmp_path: Path, admin: Api) -> None:
    record(tmp_path, event(datetime(2026, 3, 29, 21, 59, tzinfo=UTC)), event(datetime(2026, 3, 29, 22, tzinfo=UTC)))

    zone = "Europe/Berlin"
    found = points(admin, **{"from": "2026-03-29", "to": "2026-03-31"}, step="day", time_zone=zone)

    assert [(point["time"], point["requests"]) for point in found] == [
        ("2026-03-29T00:00:00+01:00", 1),
        ("2026-03-30T00:00:00+02:00", 1),
    ]


def test_hours_that_are_alike_when_clocks_are_set_back_are_two(tmp_path: Path, admin: Api) -> None:
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    record(tmp_path, event(first), event(first), event(first + timedelta(hours=1)))

    found = points(admin, **{"from": "2026-10-25T00:00Z", "to": "2026-10-25T02:00Z"}, time_zone="Europe/Berlin")

    assert [(point["time"], point["requests"]) for point in found] == [
        ("2026-10-25T02:00:00+02:00", 2),
        ("2026-10-25T02:00:00+01:00", 1),
    ]


def test_conditions_hold_and_others_usage_stays_hidden(tmp_path: Path, admin: Api, owner: Api) -> None:
    record(tmp_path, event(), event(status=404), event(status=404, key_id=str(owner.row.pk)))
    hour = {"from": "2026-03-10T12:00Z", "to": "2026-03-10T13:00Z", "status": "4xx"}

    assert [point["requests"] for caller in (admin, owner) for point in points(caller, **hour)] == [2, 1]


def test_it_comes_as_csv(tmp_path: Path, admin: Api) -> None:
    record(tmp_path, event())

    answer = admin.get("/api/usage/timeseries?from=2026-03-10&to=2026-03-11&step=day&format=csv")

    heading, row = b"".join(answer.streaming_content).decode().splitlines()  # type: ignore[attr-defined]
    assert heading.startswith("time,requests,errors,refusals,units,")
    assert row.startswith("2026-03-10T00:00:00Z,1,0,0,1,10,100,")


@pytest.mark.parametrize("query", ["step=week", "group_by=route", "from=2020-01-01", "time_zone=X"])
def test_bad_parameters_get_400(admin: Api, query: str) -> None:
    response = admin.get(f"/api/usage/timeseries?{query}")

    assert (response.status_code, response.json()["code"]) == (400, "VALIDATION_ERROR")
