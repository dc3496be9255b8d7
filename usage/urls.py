from django.urls import path

from usage.views import UsageViewSet

urlpatterns = [
    path("usage", UsageViewSet.as_view({"get": "report"}), name="usage"),
    path("usage/timeseries", UsageViewSet.as_view({"get": "timeseries"}), name="usage-timeseries"),
    path("usage/events", UsageViewSet.as_view({"get": "list"}), name="usage-event-list"),
]
