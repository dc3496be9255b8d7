"""`GET /metrics`, for the addresses of Prometheus servers."""

from django.conf import settings
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from mcp_project.errors import Forbidden
from mcp_project.http.client_address import client_address, is_listed, networks
from mcp_project.serving.metrics import as_text


class FromAllowedAddress(BasePermission):
    def has_permission(self, request: Request, _view: APIView) -> bool:
        """Raises Forbidden for an address that METRICS_ALLOWED_IPS does not name."""
        address = client_address(request.META)
        if not is_listed(address, networks(tuple(settings.METRICS_ALLOWED_IPS))):
            raise Forbidden(f"{address} may not read the metrics: see METRICS_ALLOWED_IPS.")
        return True


class MetricsView(APIView):
    authentication_classes = ()
    permission_classes = (FromAllowedAddress,)
    http_method_names = ("get", "head")

    @extend_schema(tags=["metrics"], auth=[], responses={(200, "text/plain"): OpenApiTypes.STR})
    def get(self, _request: Request) -> HttpResponse:
        """Return the metrics of all workers of this host in Prometheus' text format.

        Only clients whose address is in `METRICS_ALLOWED_IPS` may read them.
        """
        return HttpResponse(as_text(), content_type=CONTENT_TYPE_PLAIN_0_0_4)
