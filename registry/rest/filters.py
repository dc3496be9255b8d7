"""Filters of the registry's lists."""

from contextlib import suppress
from typing import Any
from uuid import UUID

import django_filters
from django.db.models import Exists, OuterRef, Q, QuerySet
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request

from keys.principal import principal_of
from mcp_project.http.filters import WordFilter
from registry.models import (
    Context,
    ContextVersion,
    Deployment,
    DeploymentStatus,
    DeploymentTarget,
    ModelVersion,
    Protocol,
    RegisteredModel,
    Stage,
    Status,
)
from registry.queries import with_visible_sources
from registry.search.conditions import (
    CONTEXT_FIELDS,
    CONTEXT_VERSION_FIELDS,
    DEPLOYMENT_FIELDS,
    MODEL_FIELDS,
    VERSION_FIELDS,
    FilterFields,
    condition,
)
from registry.search.grammar import FilterError, parse_filter
from registry.search.ordering import OrderError, OrderFields, parse_order
from registry.search.words import MAX_SEARCH, having_words


class RegistryFilter(django_filters.FilterSet):  # type: ignore[misc]
    """`filter`, in MLflow's grammar, and `order_by`, which the view reads as `ordering_of`."""

    fields: FilterFields

    filter = django_filters.CharFilter(method="by_filter", label="A condition in MLflow's filter grammar.")
    order_by = django_filters.CharFilter(method="as_it_is", label="The order; newest first by default.")

    def by_filter(self, rows: QuerySet[Any], _name: str, text: str) -> QuerySet[Any]:
        try:
            return rows.filter(condition(parse_filter(text, self.fields.check_key), self.fields))
        except FilterError as error:
            raise ValidationError({"filter": [ErrorDetail(str(error), "invalid_filter")]}) from None

    def as_it_is(self, rows: QuerySet[Any], _name: str, _text: str) -> QuerySet[Any]:
        return rows


class NamedFilter(RegistryFilter):
    """The filters of resources with a name, an owner and searchable words."""

    name = django_filters.CharFilter()
    owner = django_filters.CharFilter()
    search = django_filters.CharFilter(
        method="by_words", label="Words in the name, description or tags; `-word` excludes."
    )

    def by_words(self, rows: QuerySet[Any], _name: str, text: str) -> QuerySet[Any]:
        if len(text) > MAX_SEARCH:
            raise ValidationError({"search": [ErrorDetail(f"At most {MAX_SEARCH} characters.", "max_length")]})
        return having_words(rows, text)


class ModelFilter(NamedFilter):
    fields = MODEL_FIELDS

    framework = django_filters.CharFilter()
    task = django_filters.CharFilter()

    class Meta:
        model = RegisteredModel
        fields = ()


class DeploymentFilter(NamedFilter):
    fields = DEPLOYMENT_FIELDS

    environment = django_filters.CharFilter()
    status = WordFilter(choices=DeploymentStatus.choices)
    protocol = WordFilter(choices=Protocol.choices)
    model = django_filters.CharFilter(
        method="by_model", label="Only those with a target of the model with this id or name."
    )

    class Meta:
        model = Deployment
        fields = ()

    def by_model(self, rows: QuerySet[Any], _name: str, id_or_name: str) -> QuerySet[Any]:
        pins = Q(model_name=id_or_name)
        with suppress(ValueError):
            pins |= Q(model_id=UUID(id_or_name))
        return rows.filter(Exists(DeploymentTarget.objects.filter(pins, deployment=OuterRef("pk"))))


class ContextFilter(NamedFilter):
    fields = CONTEXT_FIELDS

    model = django_filters.CharFilter(
        method="by_model", label="Only those with a version that is meant for the model of this name."
    )

    class Meta:
        model = Context
        fields = ()

    def by_model(self, rows: QuerySet[Any], _name: str, text: str) -> QuerySet[Any]:
        return rows.filter(models__contains=[text])


class ContextVersionFilter(RegistryFilter):
    fields = CONTEXT_VERSION_FIELDS

    digest = django_filters.CharFilter()

    class Meta:
        model = ContextVersion
        fields = ()


class VersionFilter(RegistryFilter):
    fields = VERSION_FIELDS

    status = WordFilter(choices=Status.choices)
    stage = WordFilter(choices=Stage.choices)
    run_id = django_filters.CharFilter()

    class Meta:
        model = ModelVersion
        fields = ()

    def by_filter(self, rows: QuerySet[Any], name: str, text: str) -> QuerySet[Any]:
        """A source that is not shown to the key is no match for it, whatever it is compared with."""
        if "source_path" in text:
            rows = with_visible_sources(principal_of(self.request), rows)
        return super().by_filter(rows, name, text)


def ordering_of(request: Request, fields: OrderFields, default: tuple[str, ...]) -> tuple[str, ...]:
    """Raises ValidationError."""
    texts = request.query_params.getlist("order_by")
    try:
        return parse_order(texts, fields) if any(texts) else default
    except OrderError as error:
        raise ValidationError({"order_by": [ErrorDetail(str(error), "invalid_order")]}) from None
