"""Reports from the roll-ups. Their cost grows with the number of hours and series, never with that of events."""

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
FIGURE_COLUMNS = (*FIGURES, *(f"p{percent}_ms" for percent in PERCENTILES))
NAMED_GROUPS = ("key", "model")  # groups of ids, to which reports add the names
Group = dict[str, Any]


class TooManyGroups(Exception):
    """The report has more groups than the caller allows."""


class Tally:
    """Adds up rows that have SUMS, and returns their figures."""

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
        figures: Group = {name: self._sums[name] for name in FIGURES}
        for percent in PERCENTILES:
            microseconds = percentile(self._buckets, percent)
            figures[f"p{percent}_ms"] = None if microseconds is None else round(microseconds / 1000, 3)
        return figures


class Report:
    """The usage of a period where `condition` (on HourlyUsage) holds, grouped by some of queries.GROUPS.

    Models that `principal` may not see have no name; None may see all. `groups` reads rows while the caller iterates;
    `total` is the sum of the groups that were iterated so far.
    Raises Invalid where the period's zone has no whole days.
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
        """The names of a group's values, in their order."""
        names = [[name, f"{name}_name"] if name in NAMED_GROUPS else [name] for name in self.group_by]
        return [*(name for pair in names for name in pair), *FIGURE_COLUMNS]

    @property
    def total(self) -> Group:
        return self._total.figures()

    def groups(self, limit: int | None = None) -> Iterator[Group]:
        """Yield the groups, ordered by the values of `group_by`. Raises TooManyGroups before the first."""
        groups = self._groups_without_names(limit)
        while chunk := list(islice(groups, 1000)):
            names = {name: self._names(name, chunk) for name in NAMED_GROUPS if name in self.group_by}
            for group in chunk:
                group |= {f"{name}_name": names_by_id.get(group[name]) for name, names_by_id in names.items()}
                yield {column: group[column] for column in self.columns}

    def document(self, limit: int) -> Group:
        """Return the whole report, as `GET /api/usage` answers. Raises TooManyGroups for more than `limit` groups."""
        groups = list(self.groups(limit))
        head = {**period_fields(self.period), "group_by": self.group_by, "total": self.total}
        return {**head, "groups": groups if self.group_by else []}

    def _groups_without_names(self, limit: int | None) -> Iterator[Group]:
        for row in self._sums(limit):
            tally = Tally(row)
            self._total.add(row)
            values = {name: self._local_value(name, row[f"{name}_"]) for name in self.group_by}
            yield {**values, **tally.figures()}

    def _sums(self, limit: int | None) -> Iterable[Group]:
        if not self.group_by:
            return [self._rows.aggregate(**SUMS)]
        columns = {f"{name}_": self._column(name) for name in self.group_by}
        rows = self._rows.annotate(**columns).values(*columns).annotate(**SUMS).order_by(*columns)
        if limit is None:
            return _streamed(rows)
        groups: list[Group] = list(rows[: limit + 1])
        if len(groups) > limit:
            raise TooManyGroups
        return groups

    def _column(self, name: str) -> Any:
        if name == "hour":
            return F("hour")
        if name == "day":
            days = Value(self._days, ArrayField(DateTimeField()))
            return Func(F("hour"), days, function="width_bucket", output_field=IntegerField())
        return F(f"series__{COLUMNS.get(name, name)}")

    def _local_value(self, name: str, value: Any) -> Any:
        """Convert a group's value from the database: hours and days are given in the period's time zone."""
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
    """Yield rows from a server-side cursor.

    The transaction keeps a pooler such as PgBouncer from switching to another connection, which lacks the cursor. The
    statement timeout then applies to each chunk, not to the whole result.
    """
    with transaction.atomic():
        yield from rows.iterator(chunk_size=2000)


def period_fields(period: Period) -> Group:
    """Return the fields of a response that say which period it covers."""
    start, end = (moment.astimezone(period.zone) for moment in (period.start, period.end))
    return {"from": start, "to": end, "time_zone": period.zone.key}


def time_series(period: Period, step: str, condition: Q) -> Iterator[Group]:
    """Yield the figures of each hour or day, with zeros where there were no requests."""
    # Hours are compared in UTC: when clocks are set back, two different local hours are equal in Python.
    utc = period._replace(zone=UTC_ZONE) if step == "hour" else period
    groups = {group[step]: group for group in Report(utc, (step,), condition).groups()}
    for moment in period.days() if step == "day" else period.hours():
        local = moment.astimezone(period.zone)
        figures = groups.get(local.date() if step == "day" else moment) or Tally().figures()
        yield {"time": local, **{name: figures[name] for name in FIGURE_COLUMNS}}
