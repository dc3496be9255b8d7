"""GET /api/usage with parameters that it does not take"""

from urllib.parse import urlencode

import pytest

from tests.support.api import Api

DAY = {"from": "2026-03-10", "to": "2026-03-11"}
BAD = {
    "from after to": ({"from": "2026-03-11", "to": "2026-03-10"}, "from", "impossible_range"),
    "empty": ({"from": "2026-03-10", "to": "2026-03-10"}, "from", "impossible_range"),
    "future": ({"from": "2999-01-01", "to": ""}, "to", "blank"),
    "too long": ({"from": "2020-01-01", "to": "2026-01-01"}, "from", "range_too_long"),
    "nonsense": ({"from": "yesterday"}, "from", "invalid"),
    "no offset": ({"from": "2026-03-10T12:00:00"}, "from", "invalid"),
    "beginning of the calendar": ({"from": "0001-01-01", "to": "0001-01-02"}, "from", "invalid"),
    "end of the calendar": ({"from": "9999-12-31T23:59:59Z", "to": "9999-12-31T23:59:59-12:00"}, "to", "invalid"),
    "after the calendar": ({"to": "9999-12-31"}, "to", "invalid"),
    "compact": ({"from": "20260310"}, "from", "invalid"),
    "unknown method": ({"method": "BREW"}, "method", "invalid_choice"),
    "unknown route": ({"route": "/api/models"}, "route", "invalid_choice"),
    "unknown code": ({"code": "NOPE"}, "code", "invalid_choice"),
    "zone of this host": ({"time_zone": "localtime"}, "time_zone", "invalid"),
    "page": ({"limit": "5"}, "limit", "unknown_field"),
    "31 February": ({"from": "2026-02-31"}, "from", "invalid"),
    "unknown group": ({"group_by": "planet"}, "group_by", "unknown_group"),
    "one unknown group": ({"group_by": "route,planet"}, "group_by", "unknown_group"),
    "unknown zone": ({"time_zone": "Mars/Olympus"}, "time_zone", "invalid"),
    "zone with a path": ({"time_zone": "../../etc/passwd"}, "time_zone", "invalid"),
    "folder of zones": ({"time_zone": "Europe"}, "time_zone", "invalid"),
    "zone of half hours": ({"time_zone": "Asia/Kolkata", "group_by": "day"}, "time_zone", "invalid"),
    "bad key": ({"key": "x"}, "key", "invalid"),
    "bad status": ({"status": "6xx"}, "status", "invalid"),
    "long status": ({"status": "4040"}, "status", "invalid"),
    "bad format": ({"format": "xml"}, "format", "invalid_choice"),
    "unknown": ({"fromm": "2026-03-10"}, "fromm", "unknown_field"),
    "NUL": ({"owner": "a\0"}, "owner", "null_characters_not_allowed"),
}  # fmt: skip


@pytest.mark.parametrize(("parameters", "field", "code"), BAD.values(), ids=BAD)
def test_bad_parameters_get_400(admin: Api, parameters: dict[str, str], field: str, code: str) -> None:
    response = admin.get(f"/api/usage?{urlencode(DAY | parameters)}")

    assert response.status_code == 400
    [error] = response.json()["errors"]
    assert (error["field"], error["code"]) == (field, code)


def test_parameter_given_twice_gets_400_but_groups_may_be(admin: Api) -> None:
    assert admin.get("/api/usage?owner=a&owner=b").json()["errors"][0]["field"] == "owner"
    assert admin.get("/api/usage?group_by=route&group_by=status").json()["group_by"] == ["route", "status"]
