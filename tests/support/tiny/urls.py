from django.urls import path

from tests.support.tiny.views import About, Breaks, Echo, Fails, Hello, Stream, Thread, hello

urlpatterns = [
    path("about", About.as_view(), name="tiny-about"),
    path("hello", Hello.as_view(), name="tiny-hello"),
    path("plain/<str:name>", hello, name="tiny-plain"),
    path("echo", Echo.as_view(), name="tiny-echo"),
    path("upload", Echo.as_view(), name="tiny-upload"),
    path("stream", Stream.as_view(), name="tiny-stream"),
    path("breaks", Breaks.as_view(), name="tiny-breaks"),
    path("thread", Thread.as_view(), name="tiny-thread"),
    path("fails", Fails.as_view(), name="tiny-fails"),
    path("terse-hello", Hello.as_view(), name="tiny-terse-hello"),
]
