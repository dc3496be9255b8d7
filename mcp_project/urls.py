"""Every address of the service. Paths have no trailing slash; RequestContextMiddleware takes one off."""

from django.contrib import admin
from django.urls import URLResolver, include, path
from django.views.generic import RedirectView

from mcp_project.http.protocols import protocols
from mcp_project.serving.health import HealthView, IndexView, LiveView
from mcp_project.serving.scrape import MetricsView

handler400 = handler403 = handler404 = "mcp_project.http.handlers.client_error"
handler500 = "mcp_project.http.handlers.server_error"


def protocol_urls() -> list[URLResolver]:
    """The addresses of each protocol, the longest prefix first, as the table of protocols decides."""
    urls = {prefix: protocol.urls for protocol in protocols() for prefix in protocol.prefixes}
    return [path(prefix.lstrip("/"), include(urls[prefix])) for prefix in sorted(urls, key=len, reverse=True)]


urlpatterns = [
    path("", IndexView.as_view(), name="index"),
    path("health", HealthView.as_view(), name="health"),
    path("health/live", LiveView.as_view(), name="health-live"),
    path("metrics", MetricsView.as_view(), name="metrics"),
    *protocol_urls(),
    path("admin", RedirectView.as_view(url="/admin/")),
    path("admin/", admin.site.urls),
]
