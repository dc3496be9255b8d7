"""What lists of keys and of the audit trail can be asked for."""

from datetime import UTC
from typing import Any

import django_filters
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django_filters.fields import IsoDateTimeField

from keys.models import APIKey, AuditEntry, Permission
from keys.models.api_key import STATUSES
from mcp_project.http.filters import WordFilter


class KeyFilter(django_filters.FilterSet):  # type: ignore[misc]
    owner = django_filters.CharFilter()
    prefix = django_filters.CharFilter()
    permission = WordFilter(choices=Permission.choices, method="with_permission")
    status = WordFilter(choices=[(status, status) for status in STATUSES], method="with_status")
    search = django_filters.CharFilter("name", lookup_expr="icontains", label="Part of the name, in any case.")

    class Meta:
        model = APIKey
        fields = ()

    def with_permission(self, keys: QuerySet[APIKey], _name: str, permission: str) -> QuerySet[APIKey]:
        return keys.filter(permissions__contains=[permission])

    def with_status(self, keys: QuerySet[APIKey], _name: str, status: str) -> QuerySet[APIKey]:
        return keys.filter(APIKey.objects.status_is(status))


class MomentField(IsoDateTimeField):  # type: ignore[misc]
    """In UTC, which PostgreSQL takes whatever the offset was."""

    def clean(self, value: Any) -> Any:
        moment = super().clean(value)
        try:
            return moment and moment.astimezone(UTC)
        except OverflowError:
            raise ValidationError("That is beyond the calendar.", "invalid") from None


class MomentFilter(django_filters.IsoDateTimeFilter):  # type: ignore[misc]
    field_class = MomentField


class AuditFilter(django_filters.FilterSet):  # type: ignore[misc]
    actor = django_filters.CharFilter()
    action = django_filters.CharFilter()
    object = django_filters.CharFilter("object_id")
    object_type = django_filters.CharFilter()
    request_id = django_filters.CharFilter()
    since = MomentFilter("at", lookup_expr="gte")
    until = MomentFilter("at", lookup_expr="lt")

    class Meta:
        model = AuditEntry
        fields = ()
