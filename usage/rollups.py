"""Counting events into the roll-ups that reports read."""

import hashlib
from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

from django.db import connection

from usage.events import Event
from usage.latency import PLACES, bucket_of

# Both statements take their rows in a fixed order: two workers that add to the same rows wait for one another, and
# never each for the other.
ADD_SERIES = """
INSERT INTO usage_series (id, key_id, owner, method, route, model_id, status, code)
SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::text[], %s::text[], %s::uuid[], %s::smallint[], %s::text[])
ON CONFLICT DO NOTHING
"""
ADD_USAGE = """
INSERT INTO usage_hourlyusage AS known
    (hour, series_id, requests, units, request_bytes, response_bytes, latencies)
SELECT * FROM unnest(
    %s::timestamptz[], %s::uuid[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::numeric[]
)
ON CONFLICT (hour, series_id) DO UPDATE SET
    requests = known.requests + excluded.requests,
    units = known.units + excluded.units,
    request_bytes = known.request_bytes + excluded.request_bytes,
    response_bytes = known.response_bytes + excluded.response_bytes,
    latencies = known.latencies + excluded.latencies
"""


class Key(NamedTuple):
    """The fields of usage.models.Series, but for its id."""

    key_id: str | None
    owner: str
    method: str
    route: str
    model_id: str | None
    status: int
    code: str


@lru_cache(maxsize=4096)
def series_id(key: Key) -> UUID:
    """The same in every process and every database, so that nobody has to ask for it."""
    text = "\x1f".join("" if part is None else str(part) for part in key)
    return UUID(hashlib.md5(text.encode(), usedforsecurity=False).hexdigest())


class Rollup:
    """What a batch of events adds to the roll-ups."""

    def __init__(self) -> None:
        self._series: dict[UUID, Key] = {}
        self._sums: dict[tuple[datetime, UUID], list[int]] = {}

    def add(self, moment: datetime, event: Event) -> None:
        """An event that stands for several answers counts as often as that: they are alike in their bytes, too."""
        key = Key(event.key_id, event.owner, event.method, event.route, event.model_id, event.status, event.code)
        series = series_id(key)
        self._series[series] = key
        place = (moment.replace(minute=0, second=0, microsecond=0), series)
        sums = self._sums.get(place)
        if sums is None:
            sums = self._sums[place] = [0, 0, 0, 0, 0]
        times = event.times
        sums[0] += times
        sums[1] += times * event.units
        sums[2] += times * event.request_bytes
        sums[3] += times * event.response_bytes
        sums[4] += times * PLACES[bucket_of(event.duration_us)]

    def store(self) -> None:
        if not self._sums:
            return
        series = sorted((id_, *key) for id_, key in self._series.items())
        usage = sorted((*place, *sums) for place, sums in self._sums.items())
        with connection.cursor() as cursor:
            cursor.execute(ADD_SERIES, _columns(series))
            cursor.execute(ADD_USAGE, _columns(usage))


def _columns(rows: Iterable[tuple[object, ...]]) -> list[list[object]]:
    return [list(column) for column in zip(*rows, strict=True)]
