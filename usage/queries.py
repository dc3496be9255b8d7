"""The query parameters of reports and of lists of events. Unknown and repeated parameters are refused."""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Q
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework import serializers
from rest_framework.request import Request

from keys.models import Permission
from keys.principal import Principal, principal_of
from mcp_project.errors import NotFound
from mcp_project.http.codes import CODES
from mcp_project.http.filters import OF_PAGES
from mcp_project.http.protocols import is_governed
from mcp_project.http.serializers import ChoiceField, StrictQuery
from registry.queries import find_named, ids_of, visible_models
from usage.events import METHODS, OTHER, UNMATCHED
from usage.models import Series
from usage.period import Period, moment

GROUPS = ("key", "owner", "model", "route", "method", "status", "code", "day", "hour")
STEPS = ("hour", "day")
NOT_ZONES = {"localtime", "posixrules", "Factory"}  # files of tzdata that are not time zones
COLUMNS = {"key": "key_id", "model": "model_id"}  # columns of Series and Event whose names differ from the parameters'


class ZoneField(serializers.CharField):
    def to_internal_value(self, data: Any) -> Any:
        name = super().to_internal_value(data)
        try:
            return ZoneInfo("" if name in NOT_ZONES else name)
        except (KeyError, ValueError, OSError):  # an unknown name, a path, or a folder of zones
            text = "There is no such time zone. Write a name such as Europe/Berlin or UTC."
            raise serializers.ValidationError(text) from None


class StatusField(serializers.CharField):
    """`404`, or `4xx` for all of them."""

    def to_internal_value(self, data: Any) -> Any:
        text = super().to_internal_value(data).lower()
        if not re.fullmatch(r"[1-5](xx|[0-9]{2})", text, re.ASCII):
            raise serializers.ValidationError("Write a status such as 404, or a family such as 4xx.")
        return text


class GroupsField(serializers.CharField):
    def to_internal_value(self, data: Any) -> Any:
        names = [name.strip() for name in super().to_internal_value(data).split(",") if name.strip()]
        for name in names:
            if name not in GROUPS:
                raise serializers.ValidationError(f"{name!r} is not one of {', '.join(GROUPS)}.", "unknown_group")
        return tuple(dict.fromkeys(names))


class WordField(serializers.CharField):
    """One of some words, in any case. An unknown word is refused, since its count could only be zero."""

    def __init__(self, words: Iterable[str], **options: Any) -> None:
        super().__init__(**options)
        self._words = {word.upper(): word for word in words}

    def to_internal_value(self, data: Any) -> Any:
        word = self._words.get(super().to_internal_value(data).upper())
        if word is None:
            raise serializers.ValidationError(f"It must be one of {', '.join(self._words.values())}.", "invalid_choice")
        return word


class RouteField(serializers.CharField):
    """The name of a route, which exists in this version or has been counted before."""

    def to_internal_value(self, data: Any) -> Any:
        name = super().to_internal_value(data)
        if name not in routes() and not Series.objects.filter(route=name).exists():
            raise serializers.ValidationError(f"It must be one of {', '.join(routes())}.", "invalid_choice")
        return name


class ModelField(serializers.CharField):
    """The id of a model that the client names by id or name, among the models of the context.

    An id that is not among them is accepted, because it may be that of a deleted model.
    """

    def to_internal_value(self, data: Any) -> Any:
        ident = super().to_internal_value(data)
        try:
            return find_named(self.context["models"].only("name"), ident).pk
        except NotFound:
            pass
        try:
            return UUID(ident)
        except ValueError:
            raise serializers.ValidationError("There is no such model, or the key may not see it.") from None


@cache
def routes() -> list[str]:
    """Return the names of all governed routes."""
    return [*sorted({name for name, path in _named(get_resolver().url_patterns, "/") if is_governed(path)}), UNMATCHED]


def _named(patterns: list[URLPattern | URLResolver], prefix: str) -> Iterator[tuple[str, str]]:
    """Yield the name and path of each route that has a name, outside of namespaces."""
    for pattern in patterns:
        path = f"{prefix}{pattern.pattern}"
        if isinstance(pattern, URLPattern):
            if pattern.name:
                yield pattern.name, path
        elif pattern.namespace is None:
            yield from _named(pattern.url_patterns, path)


class UsageQuery(StrictQuery):
    """The filters that all usage endpoints share: the period, and conditions that are combined with AND."""

    other_parameters: frozenset[str] = frozenset()  # parameters that the view reads by other means
    time_zone = ZoneField(
        required=False, help_text="The time zone of days and of times without an offset, such as `Europe/Berlin`."
    )
    key = serializers.UUIDField(required=False, help_text="Only requests with the key of this id.")
    owner = serializers.CharField(required=False, help_text="Only requests with keys of this owner.")
    model = ModelField(required=False, help_text="Only requests about the model with this id or name.")
    route = RouteField(required=False, help_text="Only requests to the route of this name, such as `model-detail`.")
    method = WordField(
        (*sorted(METHODS), OTHER), required=False, help_text="Only requests with this method, or `other`."
    )
    status = StatusField(required=False, help_text="Only responses with this status or family: `404`, `4xx`.")
    code = WordField(CODES, required=False, help_text="Only errors with this code, such as `RATE_LIMIT_EXCEEDED`.")
    format = ChoiceField(["json", "csv"], required=False, help_text="The form of the response, instead of `Accept`.")

    def get_fields(self) -> dict[str, Any]:
        texts = {
            "from": "The begin of the period: a time such as 2026-01-31T12:00:00Z, or a day.",
            "to": "The end of the period, which is not included: a time, or a day.",
        }
        ends = {name: serializers.CharField(required=False, help_text=text) for name, text in texts.items()}
        return {**ends, **super().get_fields()}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        zone = attrs.get("time_zone")
        errors: dict[str, Any] = {}
        for name in ("from", "to"):
            if name in attrs:
                try:
                    attrs[name] = moment(attrs[name], zone)
                except ValueError as error:
                    errors[name] = [str(error)]
        if not errors and "from" in attrs and "to" in attrs and attrs["from"] >= attrs["to"]:
            text = "`from` must be before `to`, which is not included."
            errors["from"] = [serializers.ErrorDetail(text, "impossible_range")]
        if errors:
            raise serializers.ValidationError(errors)
        return attrs

    @classmethod
    def of(cls, request: Request) -> dict[str, Any]:
        """Read the parameters of a request. Raises ValidationError, also for repeated ones other than `group_by`."""
        parameters = {
            name: request.query_params.getlist(name)
            for name in request.query_params
            if name not in cls.other_parameters
        }
        twice = [name for name, values in parameters.items() if len(values) > 1 and name != "group_by"]
        if twice:
            raise serializers.ValidationError({name: ["It is given more than once."] for name in twice})
        models = visible_models(principal_of(request))
        query = cls(data={name: ",".join(values) for name, values in parameters.items()}, context={"models": models})
        query.is_valid(raise_exception=True)
        return dict(query.validated_data)


class ReportQuery(UsageQuery):
    group_by = GroupsField(
        required=False,
        allow_blank=True,
        help_text=f"What to group by, separated by commas: {', '.join(f'`{name}`' for name in GROUPS)}.",
    )


class TimeSeriesQuery(UsageQuery):
    step = ChoiceField(STEPS, default="hour")


class EventsQuery(UsageQuery):
    other_parameters = frozenset(OF_PAGES)
    request_id = serializers.CharField(required=False, help_text="Only the request with this id, as in `X-Request-ID`.")


def period_of(query: dict[str, Any]) -> Period:
    """Raises Invalid."""
    return Period.of(query.get("from"), query.get("to"), query.get("time_zone") or ZoneInfo("UTC"))


def conditions(query: dict[str, Any], prefix: str = "") -> Q:
    """Return the query's conditions on events or, with a prefix, on related series."""
    condition = Q()
    for name in ("key", "owner", "model", "route", "method", "code", "request_id"):
        if name in query:
            condition &= Q(**{prefix + COLUMNS.get(name, name): query[name]})
    status = query.get("status", "")
    if status.endswith("xx"):
        family = int(status[0]) * 100
        condition &= Q(**{f"{prefix}status__gte": family, f"{prefix}status__lt": family + 100})
    elif status:
        condition &= Q(**{f"{prefix}status": int(status)})
    return condition


def visible(principal: Principal, prefix: str = "") -> Q:
    """Return the condition on the usage that a key may see.

    A key sees its own. An admin key sees everything; if it is bound to models, its own, usage without a model, and that
    of the models that it may see.
    """
    own = Q(**{f"{prefix}key_id": principal.key_id})
    if not principal.may(Permission.ADMIN):
        return own
    if principal.model_patterns is None:
        return Q()
    models = ids_of(visible_models(principal))
    return own | Q(**{f"{prefix}model_id": None}) | Q(**{f"{prefix}model_id__in": models})
