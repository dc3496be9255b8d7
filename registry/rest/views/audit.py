"""/api/audit"""

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view

from keys.models import Permission
from mcp_project.audit.filters import AuditFilter
from mcp_project.audit.models import AuditEntry
from mcp_project.http.fields import LARGE_ROWS_AT_ONCE
from registry.queries import visible_entries
from registry.rest.serializers.history import HistorySerializer
from registry.rest.views.resources import ListView


@extend_schema(tags=["audit"])
@extend_schema_view(
    list=extend_schema(
        summary="List changes, newest first",
        description="Every change to a key, a model, a context or a deployment: who, when, from what to what. To a key "
        "that is bound to models, of those that it may see.",
    )
)
class AuditListView(ListView):
    queryset = AuditEntry.objects.none()  # for the OpenAPI document; requests get get_queryset's
    required_permission = Permission.ADMIN
    serializer_class = HistorySerializer
    filterset_class = AuditFilter
    rows_at_once = LARGE_ROWS_AT_ONCE

    def get_queryset(self) -> QuerySet[AuditEntry]:
        return visible_entries(self.principal)
