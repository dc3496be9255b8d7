from django.urls import path

from usage.views import EventViewSet

urlpatterns = [
    path("usage", EventViewSet.as_view({"get": "summary"}), name="usage"),
    path("usage/events", EventViewSet.as_view({"get": "list"}), name="usage-event-list"),
]
