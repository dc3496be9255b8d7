"""The OpenAPI document's texts and examples for usage."""

from typing import Any

from mcp_project.http.documentation import Operation

FIGURES: dict[str, Any] = {
    "requests": 1204,
    "errors": 31,
    "refusals": 12,
    "units": 1192,
    "request_bytes": 48210,
    "response_bytes": 913377,
    "p50_ms": 3.1,
    "p95_ms": 7.9,
    "p99_ms": 14.2,
}
PERIOD: dict[str, Any] = {"from": "2026-01-30T00:00:00Z", "to": "2026-01-31T00:00:00Z", "time_zone": "UTC"}
FIGURES_NAMES = ",".join(FIGURES)
FIGURES_ROW = ",".join(str(value) for value in FIGURES.values())
EVENT: dict[str, Any] = {
    "id": 90210,
    "time": "2026-01-30T10:21:07.512000Z",
    "request_id": "6f0c1d2e3a4b5c6d7e8f90a1b2c3d4e5",
    "key_id": "0198a4e2-5d10-7c3e-8f21-6b9d0c4e7a01",
    "owner": "data-science",
    "method": "GET",
    "route": "model-detail",
    "model_id": "0198a4e2-7c1f-7d3a-9b52-3f1f6d0c8a11",
    "status": 200,
    "code": "",
    "duration_us": 3120,
    "request_bytes": 0,
    "response_bytes": 512,
    "client": "10.1.2.3",
    "units": 1,
    "count": 1,
}

OPERATIONS = {
    "GET /api/usage": Operation(
        "Report the usage of a period",
        "An `admin` key gets the usage of all keys, any other key its own. A request is counted at most two seconds "
        "after its response. The period ends now without `to`, and begins 24 hours before its end without `from`; it "
        "is widened to whole hours. Groups come in the order of their values. `Accept: text/csv` or `format=csv` gets "
        "CSV.",
        response={
            **PERIOD,
            "group_by": ["route"],
            "total": FIGURES,
            "groups": [{"route": "model-detail", **FIGURES}],
        },
        others={"text/csv": f"route,{FIGURES_NAMES}\r\nmodel-detail,{FIGURES_ROW}\r\n"},
    ),
    "GET /api/usage/timeseries": Operation(
        "Report the usage of each hour or day",
        "One point for each step of the period, also where nothing was counted. The period, the visible keys and CSV "
        "are those of `GET /api/usage`.",
        response={**PERIOD, "step": "hour", "points": [{**FIGURES, "time": "2026-01-30T10:00:00Z"}]},
        others={"text/csv": f"time,{FIGURES_NAMES}\r\n2026-01-30T10:00:00Z,{FIGURES_ROW}\r\n"},
    ),
    "GET /api/usage/events": Operation(
        "List requests that were answered",
        "Newest first. An `admin` key sees the requests of all keys, any other key its own. Refusals (401 and 429) of "
        "one key or address, with one code and within a second, are one event with a `count`; so are responses to "
        "`GET /api/keys/me`. CSV has all events of the period, not a page.",
        response={"next": None, "previous": None, "results": [EVENT]},
        others={
            "text/csv": ",".join(EVENT) + "\r\n" + ",".join(str(value) for value in EVENT.values()) + "\r\n",
        },
    ),
}

EXAMPLES = {"group_by": "route", "step": "hour", "time_zone": "UTC"}

PARAMETERS = {"step": "The length of a step."}

FIELDS = {
    "requests": "How many requests were answered.",
    "request_bytes": "Bytes of request bodies.",
    "response_bytes": "Bytes of response bodies.",
    "p95_ms": "The 95th percentile of the latency in milliseconds; null without requests.",
    "p99_ms": "The 99th percentile of the latency in milliseconds; null without requests.",
    "time_zone": "The time zone of days and of times without an offset.",
    "Point.time": "The begin of the hour or day.",
    "Report.group_by": "What the groups are grouped by.",
    "Report.total": "The figures of all groups together.",
    "Report.groups": "The figures of each group.",
    "TimeSeries.step": "The length of a step: `hour` or `day`.",
    "TimeSeries.points": "One point for each step.",
    "Group.key": "The key's id; null for requests without a valid key.",
    "Group.key_name": "The key's name.",
    "Group.owner": "The key's owner.",
    "Group.model": "The model's id; null for requests that are about none.",
    "Group.model_name": "The model's name; null when it is deleted.",
    "Group.route": "The name of the route.",
    "Group.method": "The method.",
    "Group.status": "The status of the response.",
    "Group.code": "The code of the error; empty without one.",
    "Group.day": "The day, in the time zone of the report.",
    "Group.hour": "The begin of the hour.",
    "Event.id": "The event's number.",
    "Event.time": "When the response was given.",
    "Event.key_id": "The key's id; null without a valid key.",
    "Event.owner": "The key's owner; empty without a valid key.",
    "Event.method": "The method; `other` for unusual ones.",
    "Event.route": "The name of the route; empty for a path that is not there.",
    "Event.model_id": "The id of the model that the request was about; null for none.",
    "Event.status": "The status of the response.",
    "Event.code": "The code of the error; empty without one.",
    "Event.duration_us": "Microseconds from the request's arrival to its response.",
    "Event.client": "The client's address; null where it is not recorded.",
    "Event.units": "What the request was charged.",
    "Event.count": "How many requests the event stands for.",
}
for _schema in ("Report", "TimeSeries"):
    FIELDS |= {
        f"{_schema}.from": "The begin of the period.",
        f"{_schema}.to": "The end of the period, which is not included.",
    }
