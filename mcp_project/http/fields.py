"""`fields`: which fields of its rows a list shows. Without it, all but the large ones."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.generics import GenericAPIView

LARGE_ROWS_AT_ONCE = 16  # that the database sends, where one may have half a megabyte


class ShownFields(GenericAPIView[Any]):
    """A list whose rows can be large. What it does not show is not read from the database either."""

    large: ClassVar[tuple[str, ...]]  # the serializer's fields that are shown only when `fields` names them
    brief: ClassVar[Any] = None  # the serializer for the OpenAPI document, where the view's own requires large fields

    @property
    def shown(self) -> frozenset[str]:
        """Raises ValidationError."""
        serializer: Any = self.get_serializer_class()()
        known = {name for name, field in serializer.fields.items() if not field.write_only}
        text = self.request.query_params.get("fields")
        if text is None:
            return frozenset(known.difference(self.large))
        names = frozenset(text.split(","))
        if unknown := names - known:
            listed = ", ".join(sorted(known))
            detail = f"There is no field {min(unknown)[:50]!r} here; those are: {listed}."
            raise ValidationError({"fields": [ErrorDetail(detail, "unknown_field")]})
        return names

    @property
    def rows_at_once(self) -> int | None:
        """How many rows KeysetPagination reads at once; None for its own number."""
        return LARGE_ROWS_AT_ONCE if self.shown.intersection(self.large) else None

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        columns = {field.name for field in queryset.model._meta.concrete_fields}
        return super().filter_queryset(queryset).defer(*columns.intersection(self.large).difference(self.shown))

    def get_serializer_class(self) -> Any:
        return (self._is_in_document and self.brief) or super().get_serializer_class()

    @property
    def _is_in_document(self) -> bool:
        return bool(getattr(self, "swagger_fake_view", False))

    def get_serializer(self, *args: Any, **options: Any) -> Any:
        serializer: Any = super().get_serializer(*args, **options)
        if not self._is_in_document:  # which has all fields
            fields = getattr(serializer, "child", serializer).fields
            for name in set(fields) - self.shown:
                del fields[name]
        return serializer
