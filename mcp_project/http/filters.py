"""Filters of lists, read strictly."""

from collections.abc import Sequence
from datetime import UTC
from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from django.db.models import QuerySet
from django_filters import ChoiceFilter, IsoDateTimeFilter
from django_filters.fields import IsoDateTimeField
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.request import Request
from rest_framework.serializers import ErrorDetail, ValidationError

MAY_BE_EMPTY = {"filter", "order_by", "search", "cursor"}  # an empty one has no condition in it
OF_PAGES = {"limit", "cursor"}


class WordFilter(ChoiceFilter):  # type: ignore[misc]
    """A filter by one of a few words. Its refusal names them."""

    def __init__(self, *args: Any, choices: Sequence[tuple[str, Any]], **options: Any) -> None:
        words = ", ".join(word for word, _ in choices)
        refusal = {"invalid_choice": f'"%(value)s" is not one of {words}.'}
        super().__init__(*args, choices=choices, error_messages=refusal, **options)


class MomentField(IsoDateTimeField):  # type: ignore[misc]
    """A moment, converted to UTC, because PostgreSQL refuses some offsets."""

    def clean(self, value: Any) -> Any:
        moment = super().clean(value)
        try:
            return moment and moment.astimezone(UTC)
        except OverflowError:
            raise DjangoValidationError("That is beyond the calendar.", "invalid") from None


class MomentFilter(IsoDateTimeFilter):  # type: ignore[misc]
    field_class = MomentField


class StrictFilterBackend(DjangoFilterBackend):  # type: ignore[misc]
    """Refuses parameters that the list does not know, and empty ones: neither a typo nor a script's empty variable
    must pass for a list of everything."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: Any) -> QuerySet[Any]:
        filterset_class = self.get_filterset_class(view, queryset)
        known = OF_PAGES | set(filterset_class.base_filters if filterset_class else ())
        if hasattr(view, "large"):  # mcp_project.http.fields
            known.add("fields")
        unknown = {
            name: ErrorDetail(f"Not a parameter of this list. Those are: {', '.join(sorted(known))}.", "unknown_field")
            for name in request.query_params
            if name not in known
        }
        empty = {
            name: ErrorDetail("It is empty: leave it out, or say what it is to be.", "blank")
            for name in request.query_params
            if name not in MAY_BE_EMPTY and "" in request.query_params.getlist(name)
        }
        if wrong := unknown | empty:
            raise ValidationError(wrong)
        filtered: QuerySet[Any] = super().filter_queryset(request, queryset, view)
        return filtered
