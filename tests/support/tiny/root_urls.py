"""The service's addresses, with those of the protocol, for tests in process."""

from django.urls import include, path

from mcp_project.urls import protocol_urls

urlpatterns = [*protocol_urls(), path("", include("mcp_project.urls"))]
handler400 = handler403 = handler404 = "mcp_project.http.handlers.client_error"
handler500 = "mcp_project.http.handlers.server_error"
