"""The addresses of the service's own REST API, below its prefix."""

from django.urls import include, path

from mcp_project.http.documents import DocsView, SchemaView

urlpatterns = [
    path("schema", SchemaView.as_view(), name="schema"),
    path("docs", DocsView.as_view(), name="docs"),
    path("", include("registry.rest.urls")),  # first: Django tries one after the other, and most requests are for it
    path("", include("keys.urls")),
    path("", include("usage.urls")),
]
