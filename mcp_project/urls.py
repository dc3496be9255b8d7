"""Every address of the service. Paths have no trailing slash; RequestContextMiddleware takes one off."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView
from django_ratelimit.decorators import ratelimit

from mcp_project.http.documents import DocsView, SchemaView
from mcp_project.serving.health import HealthView, IndexView, LiveView
from mcp_project.serving.scrape import MetricsView

handler400 = handler403 = handler404 = "mcp_project.http.handlers.client_error"
handler500 = "mcp_project.http.handlers.server_error"

admin.site.login = ratelimit(  # type: ignore[method-assign]
    group="admin-login", key="ip", rate=lambda *_: settings.ADMIN_LOGIN_RATE, method="POST"
)(admin.site.login)

urlpatterns = [
    path("", IndexView.as_view(), name="index"),
    path("health", HealthView.as_view(), name="health"),
    path("health/live", LiveView.as_view(), name="health-live"),
    path("metrics", MetricsView.as_view(), name="metrics"),
    path("api/schema", SchemaView.as_view(), name="schema"),
    path("api/docs", DocsView.as_view(), name="docs"),
    path("api/", include("registry.rest.urls")),  # first: Django tries one by one
    path("api/", include("keys.urls")),
    path("api/", include("usage.urls")),
    path("admin", RedirectView.as_view(url="/admin/")),
    path("admin/", admin.site.urls),
]
