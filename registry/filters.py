"""What lists of the registry can be asked for, besides their pages."""

from typing import Any

import django_filters
from django.db.models import BooleanField, QuerySet
from django.db.models.expressions import RawSQL
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request

from registry.conditions import (
    CONTEXT_FIELDS,
    CONTEXT_VERSION_FIELDS,
    MODEL_FIELDS,
    VERSION_FIELDS,
    FilterFields,
    condition,
)
from registry.grammar import FilterError, parse_filter
from registry.models import Context, ContextVersion, ModelVersion, RegisteredModel, Stage, Status
from registry.ordering import OrderError, OrderFields, parse_order

MAX_SEARCH = 200


class RegistryFilter(django_filters.FilterSet):  # type: ignore[misc]
    """`filter`, in MLflow's grammar, and `order_by`, which the view reads as `ordering_of`."""

    fields: FilterFields

    filter = django_filters.CharFilter(method="by_filter", label="MLflow's: `name LIKE 'churn%' AND tag.team = 'a'`.")
    order_by = django_filters.CharFilter(method="as_it_is", label="`name ASC`, `last_updated_timestamp DESC`, …")

    def by_filter(self, rows: QuerySet[Any], _name: str, text: str) -> QuerySet[Any]:
        try:
            return rows.filter(condition(parse_filter(text), self.fields))
        except FilterError as error:
            raise ValidationError({"filter": [ErrorDetail(str(error), "invalid_filter")]}) from None

    def as_it_is(self, rows: QuerySet[Any], _name: str, _text: str) -> QuerySet[Any]:
        return rows


class NamedFilter(RegistryFilter):
    words: str  # SQL: whether the row's words match

    name = django_filters.CharFilter()
    owner = django_filters.CharFilter()
    search = django_filters.CharFilter(method="by_words", label="Words of the name, the description or the tags.")

    def by_words(self, rows: QuerySet[Any], _name: str, text: str) -> QuerySet[Any]:
        """In a column that Django does not know: see the migrations 0002 and 0003."""
        if len(text) > MAX_SEARCH:
            raise ValidationError({"search": [ErrorDetail(f"At most {MAX_SEARCH} characters.", "max_length")]})
        matches = RawSQL(self.words, [text], output_field=BooleanField())  # noqa: S611  (a text of this file)
        found: QuerySet[Any] = rows.filter(matches)
        return found


class ModelFilter(NamedFilter):
    fields = MODEL_FIELDS
    words = "registry_registeredmodel.words @@ websearch_to_tsquery('simple', %s)"

    framework = django_filters.CharFilter()
    task = django_filters.CharFilter()

    class Meta:
        model = RegisteredModel
        fields = ()


class ContextFilter(NamedFilter):
    fields = CONTEXT_FIELDS
    words = "registry_context.words @@ websearch_to_tsquery('simple', %s)"

    model = django_filters.CharFilter(method="by_model", label="The name of a model that a version is meant for.")

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

    status = django_filters.ChoiceFilter(choices=Status.choices)
    stage = django_filters.ChoiceFilter(choices=Stage.choices)
    run_id = django_filters.CharFilter()

    class Meta:
        model = ModelVersion
        fields = ()


def ordering_of(request: Request, fields: OrderFields, default: tuple[str, ...]) -> tuple[str, ...]:
    """Raises ValidationError."""
    texts = request.query_params.getlist("order_by")
    try:
        return parse_order(texts, fields) if any(texts) else default
    except OrderError as error:
        raise ValidationError({"order_by": [ErrorDetail(str(error), "invalid_order")]}) from None
