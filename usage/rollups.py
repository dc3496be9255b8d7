"""Adds events to the roll-ups that reports read."""

import hashlib
from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

from django.db import connection

from usage.events import Event
from usage.latency import BUCKET_WEIGHTS, bucket_of

# Both statements get their rows sorted: workers that add to the same rows lock them in one order and cannot deadlock.
ADD_SERIES = """
INSERT INTO usage_series (id, key_id, owner, method, route, model_id, status, code)
SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::text[], %s::text[], %s::uuid[], %s::smallint[], %s::text[])
ON CONFLICT DO NOTHING
"""
ADD_USAGE = """
INSERT INTO usage_hourlyusage AS stored
    (hour, series_id, requests, units, request_bytes, response_bytes, latencies)
SELECT * FROM unnest(
    %s::timestamptz[], %s::uuid[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::numeric[]
)
ON CONFLICT (hour, series_id) DO UPDATE SET
    requests = stored.requests + excluded.requests,
    units = stored.units + excluded.units,
    request_bytes = stored.request_bytes + excluded.request_bytes,
    response_bytes = stored.response_bytes + excluded.response_bytes,
    latencies = stored.latencies + excluded.latencies
"""


class Key(NamedTuple):
    """The fields of usage.models.Dimensions."""

    key_id: str | None
    owner: str
    method: str
    route: str
    model_id: str | None
    status: int
    code: str


@lru_cache(maxsize=4096)
def series_id(key: Key) -> UUID:
    """Return the digest of the key, which is the series' id: no look-up is needed to learn it."""
    text = "\x1f".join("" if part is None else str(part) for part in key)
    return UUID(hashlib.md5(text.encode(), usedforsecurity=False).hexdigest())


class Rollup:
    """The sums of a batch of events, to be added to the roll-ups."""

    def __init__(self) -> None:
        self._series: dict[UUID, Key] = {}
        self._sums: dict[tuple[datetime, UUID], list[int]] = {}

    def add(self, moment: datetime, event: Event) -> None:
        """Add an event. If it stands for several refusals, each counts with the event's sizes and duration."""
        key = Key(event.key_id, event.owner, event.method, event.route, event.model_id, event.status, event.code)
        series = series_id(key)
        self._series[series] = key
        hour_and_series = (moment.replace(minute=0, second=0, microsecond=0), series)
        sums = self._sums.get(hour_and_series)
        if sums is None:
            sums = self._sums[hour_and_series] = [0, 0, 0, 0, 0]
        requests = event.requests
        sums[0] += requests
        sums[1] += requests * event.units
        sums[2] += requests * event.request_bytes
        sums[3] += requests * event.response_bytes
        sums[4] += requests * BUCKET_WEIGHTS[bucket_of(event.duration_us)]

    def store(self) -> None:
        if not self._sums:
            return
        series = sorted((id_, *key) for id_, key in self._series.items())
        usage = sorted((*hour_and_series, *sums) for hour_and_series, sums in self._sums.items())
        with connection.cursor() as cursor:
            cursor.execute(ADD_SERIES, _columns(series))
            cursor.execute(ADD_USAGE, _columns(usage))


def _columns(rows: Iterable[tuple[object, ...]]) -> list[list[object]]:
    return [list(column) for column in zip(*rows, strict=True)]
