"""The filters of the audit trail."""

import django_filters

from mcp_project.audit.actions import Action
from mcp_project.audit.models import AuditEntry
from mcp_project.http.filters import MomentFilter, WordFilter


class AuditFilter(django_filters.FilterSet):  # type: ignore[misc]
    actor = django_filters.CharFilter()
    action = WordFilter(choices=Action.choices)
    object = django_filters.CharFilter("object_id")
    object_type = django_filters.CharFilter()
    request_id = django_filters.CharFilter()
    since = MomentFilter("at", lookup_expr="gte")
    until = MomentFilter("at", lookup_expr="lt")

    class Meta:
        model = AuditEntry
        fields = ()
