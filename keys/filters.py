"""The filters of lists of keys."""

import django_filters
from django.db.models import QuerySet

from keys.models import APIKey, Permission
from keys.models.api_key import STATUSES
from mcp_project.http.filters import WordFilter


class KeyFilter(django_filters.FilterSet):  # type: ignore[misc]
    owner = django_filters.CharFilter()
    prefix = django_filters.CharFilter()
    permission = WordFilter(choices=Permission.choices, method="with_permission")
    status = WordFilter(choices=[(status, status) for status in STATUSES], method="with_status")
    search = django_filters.CharFilter(
        "name", lookup_expr="icontains", label="Only keys whose name contains this text, in upper or lower case."
    )

    class Meta:
        model = APIKey
        fields = ()

    def with_permission(self, keys: QuerySet[APIKey], _name: str, permission: str) -> QuerySet[APIKey]:
        return keys.filter(permissions__contains=[permission])

    def with_status(self, keys: QuerySet[APIKey], _name: str, status: str) -> QuerySet[APIKey]:
        return keys.filter(APIKey.objects.status_is(status))
