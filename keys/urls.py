from django.urls import path
from rest_framework.routers import SimpleRouter

from keys.views.explain import ExplainView
from keys.views.keys import KeyViewSet
from keys.views.own_key import OwnKeyRotationView, OwnKeyView
from keys.views.verify import VerifyView

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("keys", KeyViewSet, basename="key")

urlpatterns = [
    path("keys/me", OwnKeyView.as_view(), name="own-key"),
    path("keys/me/rotate", OwnKeyRotationView.as_view(), name="own-key-rotate"),
    path("keys/<uuid:key_id>/explain", ExplainView.as_view(), name="key-explain"),
    path("keys/verify", VerifyView.as_view(), name="key-verify"),
    *router.urls,
]
