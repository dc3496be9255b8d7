from django.urls import path

from tests.support.tiny.views import Hello

urlpatterns = [path("hello", Hello.as_view(), name="terse-hello")]
