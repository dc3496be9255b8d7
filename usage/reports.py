"""What the roll-ups say. Their cost grows with what is counted apart, never with the number of events."""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db import transaction
from django.db.models import DateTimeField, F, Func, IntegerField, Q, Sum, Value

from keys.models import APIKey
from keys.principal import Principal
from registry.models import RegisteredModel
from registry.queries import visible_models
from usage.events import REFUSALS
from usage.latency import counts, percentile
from usage.models import HourlyUsage
from usage.period import UTC_ZONE, Period
from usage.queries import COLUMNS

PERCENTILES = (50, 95, 99)
SUMS = {
    "requests_": Sum("requests", default=0),
    "errors_": Sum("requests", filter=Q(series__status__gte=400), default=0),
    "refusals_": Sum("requests", filter=Q(series__status__in=REFUSALS), default=0),
    "units_": Sum("units", default=0),
    "request_bytes_": Sum("request_bytes", default=0),
    "response_bytes_": Sum("response_bytes", default=0),
    "latencies_": Sum("latencies", default=0),
}
FIGURES = tuple(name.rstrip("_") for name in SUMS if name != "latencies_")
COLUMNS_OF_FIGURES = (*FIGURES, *(f"p{percent}_ms" for percent in PERCENTILES))
NAMED = {
    "key": APIKey.objects,
    "model": RegisteredModel.objects,
}  # groups that are ids, and whose names reports tell, too
Group = dict[str, Any]


class TooManyGroups(Exception):
    """More than were allowed."""


class Tally:
    """What is counted of some requests: the sums of rows that have SUMS."""

    def __init__(self, row: Group | None = None) -> None:
        self._sums = Counter[str]()
        self._buckets = Counter[int]()
        if row is not None:
            self.add(row)

    def add(self, row: Group) -> None:
        for name in FIGURES:
            self._sums[name] += int(row[f"{name}_"])
        self._buckets.update(counts(row["latencies_"]))

    def figures(self) -> Group:
        told: Group = {name: self._sums[name] for name in FIGURES}
        for percent in PERCENTILES:
            microseconds = percentile(self._buckets, percent)
            told[f"p{percent}_ms"] = None if microseconds is None else round(microseconds / 1000, 3)
        return told


class Report:
    """The usage of a period, as far as `condition` (on HourlyUsage) holds, counted apart by some of queries.GROUPS.
    Models that `principal` may not see (any more) have no name; without one, all have.


    `groups` reads the ledger while it is gone through; `total` holds what has been gone through.
    Raises ValidationError where the period's zone has no whole days.
    """

    def __init__(
        self, period: Period, group_by: tuple[str, ...], condition: Q, principal: Principal | None = None
    ) -> None:
        self.group_by = group_by
        self._principal = principal
        self._total = Tally()
        self._days = period.days() if "day" in group_by else []
        self.period = period
        self._rows = HourlyUsage.objects.filter(condition, hour__gte=period.start, hour__lt=period.end)

    @property
    def columns(self) -> list[str]:
        """Of each group, in their order."""
        names = [[name, f"{name}_name"] if name in NAMED else [name] for name in self.group_by]
        return [*(name for pair in names for name in pair), *COLUMNS_OF_FIGURES]

    @property
    def total(self) -> Group:
        return self._total.figures()

    def groups(self, limit: int | None = None) -> Iterator[Group]:
        """In the order of their values, those of `group_by` first to last. Raises TooManyGroups, before any."""
        counted = self._counted(limit)
        while chunk := list(islice(counted, 1000)):
            names = {name: self._names(name, chunk) for name in NAMED if name in self.group_by}
            for group in chunk:
                group |= {f"{name}_name": known.get(group[name]) for name, known in names.items()}
                yield {column: group[column] for column in self.columns}

    def document(self, limit: int) -> Group:
        """All of it, as `GET /api/usage` answers. Raises TooManyGroups."""
        groups = list(self.groups(limit))
        told = {**told_of(self.period), "group_by": self.group_by, "total": self.total}
        return {**told, "groups": groups if self.group_by else []}

    def _counted(self, limit: int | None) -> Iterator[Group]:
        for row in self._sums(limit):
            tally = Tally(row)
            self._total.add(row)
            shown = {name: self._shown(name, row[f"{name}_"]) for name in self.group_by}
            yield {**shown, **tally.figures()}

    def _sums(self, limit: int | None) -> Iterable[Group]:
        if not self.group_by:
            return [self._rows.aggregate(**SUMS)]
        columns = {f"{name}_": self._column(name) for name in self.group_by}
        rows = self._rows.annotate(**columns).values(*columns).annotate(**SUMS).order_by(*columns)
        if limit is None:
            return _streamed(rows)
        found: list[Group] = list(rows[: limit + 1])
        if len(found) > limit:
            raise TooManyGroups
        return found

    def _column(self, name: str) -> Any:
        if name == "hour":
            return F("hour")
        if name == "day":
            days = Value(self._days, ArrayField(DateTimeField()))
            return Func(F("hour"), days, function="width_bucket", output_field=IntegerField())
        return F(f"series__{COLUMNS.get(name, name)}")

    def _shown(self, name: str, value: Any) -> Any:
        if name == "hour":
            return value.astimezone(self.period.zone)
        if name == "day":
            return self._days[value - 1].astimezone(self.period.zone).date()
        return value

    def _names(self, name: str, groups: list[Group]) -> dict[UUID, str]:
        ids = {group[name] for group in groups} - {None}
        if name == "key":
            return dict(APIKey.objects.filter(pk__in=ids).values_list("pk", "name"))
        models = RegisteredModel.objects.all() if self._principal is None else visible_models(self._principal)
        return dict(models.filter(pk__in=ids).values_list("pk", "name"))


def _streamed(rows: Any) -> Iterator[Group]:
    """Rows that the database sends while they are read. In a transaction, since a pooler may give the next one another
    connection, on which the server's cursor is not; and the time limit is then that of a chunk, not of them all."""
    with transaction.atomic():
        yield from rows.iterator(chunk_size=2000)


def told_of(period: Period) -> Group:
    start, end = (moment.astimezone(period.zone) for moment in (period.start, period.end))
    return {"from": start, "to": end, "time_zone": period.zone.key}


def time_series(period: Period, step: str, condition: Q) -> Iterator[Group]:
    """The same at each step, where nothing was counted with zeros."""
    # By the hour in UTC: when clocks are set back two local ones are alike, and Python takes each for the other.
    utc = period._replace(zone=UTC_ZONE) if step == "hour" else period
    counted = {group[step]: group for group in Report(utc, (step,), condition).groups()}
    for moment in period.days() if step == "day" else period.hours():
        local = moment.astimezone(period.zone)
        figures = counted.get(local.date() if step == "day" else moment) or Tally().figures()
        yield {"time": local, **{name: figures[name] for name in COLUMNS_OF_FIGURES}}
